module held;

class Node
{
    int value;
    Node next;
    this(int value, Node next) { this.value = value; this.next = next; }
}

Node inThread;
align(32) Node aligned;

__gshared Node inProcess;

void hold(int count)
{
    foreach (i; 0 .. count)
    {
        inThread = new Node(i, inThread);
        aligned = new Node(2 * i, aligned);
    }
}

long sum(Node node)
{
    long result;
    for (; node; node = node.next) result += node.value;
    return result;
}

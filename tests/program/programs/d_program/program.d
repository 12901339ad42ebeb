import core.memory, core.thread, std.algorithm, std.array, std.range, std.stdio;
import held;

extern (C) int from_c();
__gshared int[] shared_held;
int in_thread;
__gshared int g = 5;

class A { int f(int x) { if (x > 3) throw new Exception("big"); return x * 2; } }
struct S { ~this() { writeln("destroyed"); } }
shared static this() { g = 7; }
static this() { in_thread = 9; }

void churn()
{
    foreach (round; 0 .. 10)
    {
        foreach (i; 0 .. 2000) { auto rubbish = new int[64]; rubbish[] = -1; }
        foreach (i; 0 .. 4000) new Node(-7, null);
        GC.collect();
    }
}

void inAnotherThread()
{
    hold(500);
    inProcess = new Node(11, null);
    churn();
    writeln(in_thread, " ", sum(inThread), " ", sum(aligned));
}

int main()
{
    hold(1000);
    auto a = new A;
    int s;
    S q;
    foreach (i; 0 .. 6) try s += a.f(i); catch (Exception e) { s += 100; writeln(e.msg); }
    shared_held = iota(1000).array;
    churn();
    writeln(s, " ", g, " ", in_thread, " ", from_c(), " ", iota(5).map!(x => x * x).array);
    writeln(shared_held.sum);
    auto other = new Thread(&inAnotherThread).start();
    churn();
    other.join();
    churn();
    writeln(sum(inThread), " ", sum(aligned), " ", sum(inProcess));
    return 3;
}

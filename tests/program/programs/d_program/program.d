import core.memory, std.algorithm, std.array, std.range, std.stdio;

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
        GC.collect();
    }
}

int main()
{
    auto a = new A;
    int s;
    S q;
    foreach (i; 0 .. 6) try s += a.f(i); catch (Exception e) { s += 100; writeln(e.msg); }
    shared_held = iota(1000).array;
    churn();
    writeln(s, " ", g, " ", in_thread, " ", from_c(), " ", iota(5).map!(x => x * x).array);
    writeln(shared_held.sum);
    return 3;
}

#pragma once
template <class T> struct Stack {
    T items[16];
    int count = 0;
    static int made;
    Stack() { ++made; }
    void push(const T &item) {
        if (count == 16) throw count;
        items[count++] = item;
    }
    T pop() {
        if (!count) throw -1;
        return items[--count];
    }
};
template <class T> int Stack<T>::made = 100;
inline int counted() { static int calls; return ++calls; }
int there(int n);

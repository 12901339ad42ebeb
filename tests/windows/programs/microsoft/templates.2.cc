#include "templates.h"

int there(int n) {
    Stack<char> letters;
    Stack<int> numbers;
    counted();
    try {
        for (int i = 0;; i++) numbers.push(i);
    } catch (int full) {
        n += full;
    }
    try {
        letters.pop();
    } catch (int empty) {
        n += empty;
    }
    return n;
}

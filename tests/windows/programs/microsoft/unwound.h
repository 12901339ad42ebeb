#pragma once
struct Part {
    int id;
    explicit Part(int id);
    ~Part();
};
void between(int depth, int id);

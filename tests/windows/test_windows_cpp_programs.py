"""C++ programs of Windows, as MinGW's g++ compiles them: they print what their natively linked programs print."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from native_programs import GXX, gxx_folders, run, run_linked

from support.requirements import require_tool

SAY = r"""
        #include <cstdio>
        struct Say {
            const char *text;
            Say(const char *t) : text(t) { std::printf("+%s\n", t); }
            ~Say() { std::printf("-%s\n", text); }
        };
"""
CASES: dict[str, tuple[str, ...]] = {
    "exceptions": (
        r"""
        #include <iostream>
        #include <stdexcept>
        #include <vector>
        int thrower(int x);
        struct Noisy { const char *name; ~Noisy() { std::cout << "end of " << name << "\n"; } };
        int main() {
            for (int x : {1, 7}) {
                try { Noisy noisy{"block"}; std::cout << thrower(x) << "\n"; }
                catch (const std::runtime_error &error) { std::cout << "caught " << error.what() << "\n"; }
            }
            try { std::vector<int>(3).at(9); } catch (const std::out_of_range &) { std::cout << "out of range\n"; }
            try { try { throw 5; } catch (...) { throw; } } catch (int n) { std::cout << n << "\n"; }
            return 3;
        }
        """,
        r"""
        #include <stdexcept>
        #include <string>
        int thrower(int x) { if (x > 5) throw std::runtime_error("x is " + std::to_string(x)); return 10 * x; }
        """,
    ),
    "order of initialisers": (
        SAY
        + r"""
        inline Say shared("inline");
        Say a1("a1");
        __attribute__((init_priority(500))) Say a2("a2-500");
        Say &late();
        int main() { late(); std::puts("main"); return 0; }
        """,
        SAY
        + r"""
        inline Say shared("inline");
        Say b1("b1");
        __attribute__((init_priority(300))) Say b2("b2-300");
        Say &late() { static Say say("late"); return say; }
        """,
    ),
    "the library": (
        r"""
        #include <algorithm>
        #include <filesystem>
        #include <fstream>
        #include <iostream>
        #include <map>
        #include <random>
        #include <regex>
        #include <sstream>
        int main(int argc, char **argv) {
            std::map<std::string, int> counts;
            std::string text = "one two one three two one";
            std::regex word("\\w+");
            for (std::sregex_iterator it(text.begin(), text.end(), word), end; it != end; ++it) counts[it->str()]++;
            for (auto &[word, count] : counts) std::cout << word << " " << count << "\n";
            std::mt19937 numbers(5);
            std::cout << numbers() << "\n";
            std::filesystem::path path(argv[1]);
            std::ofstream(path) << "line\n";
            std::cout << std::filesystem::file_size(path) << " " << path.extension() << "\n";
            std::istringstream words("3 4.5");
            int n; double d;
            words >> n >> d;
            std::cout << n + d << " " << argv[2] << std::endl;
            return 0;
        }
        """,
    ),
    "threads": (
        r"""
        #include <atomic>
        #include <future>
        #include <iostream>
        #include <mutex>
        #include <thread>
        #include <vector>
        std::atomic<int> dead;
        struct Counter { int n = 0; ~Counter() { dead++; } };
        thread_local Counter counter;
        std::once_flag flag;
        int main() {
            std::atomic<int> once{0}, sum{0};
            std::vector<std::thread> threads;
            for (int k = 1; k <= 4; k++)
                threads.emplace_back([&, k] {
                    std::call_once(flag, [&] { once++; });
                    counter.n += k;
                    sum += counter.n;
                });
            for (auto &thread : threads) thread.join();
            std::cout << once << " " << sum << " dead " << dead << "\n";
            auto answer = std::async(std::launch::async, [] { return 42; });
            std::cout << answer.get() << "\n";
            auto failing = std::async(std::launch::async, []() -> int { throw std::string("thrown there"); });
            try { failing.get(); } catch (const std::string &text) { std::cout << text << "\n"; }
            return 0;
        }
        """,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_program_is_as_natively(wine: Path, tmp_path: Path, name: str) -> None:
    compiler = require_tool(GXX)
    objects: list[Path] = []
    for number, text in enumerate(CASES[name]):
        source, target = tmp_path / f"part{number}.cc", tmp_path / f"part{number}.obj"
        source.write_text(text)
        subprocess.run([compiler, "-std=c++20", "-O1", "-w", "-c", "-o", target, source], check=True)
        objects.append(target)
    native = tmp_path / "native.exe"
    subprocess.run([compiler, "-o", native, *objects], check=True)
    libraries = gxx_folders()
    words = [str(tmp_path / "file.txt"), "two words"]
    expected = run(["wine", native, *words], libraries)
    assert expected.stdout, expected
    assert run_linked([*objects, "-l", "stdc++", "-l", "gcc_s"], words, libraries) == expected

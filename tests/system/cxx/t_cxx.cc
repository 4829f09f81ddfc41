// SPDX-License-Identifier: MIT
/*
 * C++'s threads and exceptions: what libstdc++ makes of clone, futex, TLS and the unwinder's tables.
 */
#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <condition_variable>
#include <cxxabi.h>
#include <fstream>
#include <functional>
#include <future>
#include <latch>
#include <map>
#include <mutex>
#include <numeric>
#include <semaphore>
#include <shared_mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "tap.h"

#include <pthread.h>
#include <sys/stat.h>

using namespace std::chrono_literals;

constexpr int THREADS = 8, ROUNDS = 2000;

/* ---- Threads ------------------------------------------------------------------------------ */

static void run_all(const std::function<void(int)> &work) {
    std::vector<std::thread> threads;
    for (int i = 0; i < THREADS; i++)
        threads.emplace_back(work, i);
    for (auto &thread : threads)
        thread.join();
}

static void test_locks() {
    long plain = 0, recursive = 0, shared = 0;
    std::mutex mutex;
    std::recursive_mutex again;
    std::shared_mutex readers;
    std::atomic<long> counted{0};
    run_all([&](int) {
        for (int i = 0; i < ROUNDS; i++) {
            {
                std::lock_guard lock(mutex);
                plain++;
            }
            {
                std::scoped_lock outer(again);
                std::scoped_lock inner(again);
                recursive++;
            }
            if (i % 4) {
                std::shared_lock lock(readers);
                counted.fetch_add(shared >= 0);
            } else {
                std::unique_lock lock(readers);
                shared++;
            }
        }
    });
    is_int(plain, THREADS * ROUNDS, "std::mutex");
    is_int(recursive, THREADS * ROUNDS, "std::recursive_mutex");
    is_int(shared, THREADS * ROUNDS / 4, "std::shared_mutex");
    is_int(counted, THREADS * ROUNDS * 3 / 4, "std::atomic");
    std::timed_mutex timed;
    timed.lock();
    bool got = true;
    std::thread([&] { got = timed.try_lock_for(5ms); }).join();
    ok(!got, "std::timed_mutex gives up in time");
    timed.unlock();
    int made = 0;
    std::once_flag once;
    run_all([&](int) { std::call_once(once, [&] { made++; }); });
    is_int(made, 1, "std::call_once");
}

static void test_waiting() {
    std::mutex mutex;
    std::condition_variable changed;
    int turn = 0;
    run_all([&](int me) {
        for (int i = 0; i < 200; i++) {
            std::unique_lock lock(mutex);
            changed.wait(lock, [&] { return turn % THREADS == me; });
            turn++;
            changed.notify_all();
        }
    });
    is_int(turn, THREADS * 200, "std::condition_variable, in turns");
    std::unique_lock lock(mutex);
    ok(!changed.wait_for(lock, 5ms, [] { return false; }), "which gives up in time");
    std::counting_semaphore<4> places(4);
    std::atomic<int> inside{0}, most{0};
    std::barrier together(THREADS);
    std::latch all(THREADS);
    run_all([&](int) {
        for (int i = 0; i < 100; i++) {
            places.acquire();
            int now = ++inside;
            for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);)
                continue;
            inside--;
            places.release();
            together.arrive_and_wait();
        }
        all.count_down();
    });
    all.wait();
    ok(most >= 1 && most <= 4, "std::counting_semaphore, std::barrier, std::latch");
    std::atomic<int> word{0};
    std::thread waker([&] {
        word = 1;
        word.notify_all();
    });
    word.wait(0);
    waker.join();
    is_int(word, 1, "std::atomic waits");
    std::atomic<bool> stopped{false};
    {
        std::jthread thread([&](std::stop_token stop) {
            while (!stop.stop_requested())
                std::this_thread::yield();
            stopped = true;
        });
    }
    ok(stopped, "std::jthread is stopped and joined");
}

static void test_futures() {
    std::vector<std::future<long>> parts;
    for (long i = 0; i < THREADS; i++)
        parts.push_back(std::async(std::launch::async, [i] {
            std::vector<long> numbers(1000);
            std::iota(numbers.begin(), numbers.end(), 1000 * i);
            return std::accumulate(numbers.begin(), numbers.end(), 0l);
        }));
    long sum = 0;
    for (auto &part : parts)
        sum += part.get();
    is_int(sum, THREADS * 1000l * (THREADS * 1000l - 1) / 2, "std::async");
    auto failing = std::async(std::launch::async, []() -> int { throw std::out_of_range("away"); });
    std::string what;
    try {
        failing.get();
    } catch (const std::out_of_range &error) {
        what = error.what();
    }
    ok(what == "away", "an exception comes back through a future");
    std::promise<std::string> promise;
    auto promised = promise.get_future();
    ok(promised.wait_for(2ms) == std::future_status::timeout, "a future gives up in time");
    std::thread([p = std::move(promise)]() mutable { p.set_value("kept"); }).detach();
    ok(promised.get() == "kept", "a promise is kept by a detached thread");
    std::packaged_task<int(int)> task([](int n) { return n * n; });
    auto result = task.get_future();
    std::thread(std::move(task), 12).join();
    is_int(result.get(), 144, "std::packaged_task");
}

/* ---- Variables of each thread ------------------------------------------------------------- */

static std::atomic<int> made, unmade;

struct counted {
    int value = 0;
    counted() {
        made++;
    }
    ~counted() {
        unmade++;
    }
};
static thread_local counted own;

static void test_thread_local() {
    std::atomic<bool> alone{true};
    made = unmade = 0;
    run_all([&](int) {
        for (int i = 1; i <= ROUNDS; i++)
            if (++own.value != i)
                alone = false;
    });
    ok(alone && made == THREADS && unmade == THREADS,
       "thread_local objects are made and destroyed with their threads");
}

/* ---- Exceptions --------------------------------------------------------------------------- */

static std::atomic<int> destroyed;

struct guard {
    ~guard() {
        destroyed++;
    }
};

static void __attribute__((noinline)) fall(int depth) {
    guard g;
    if (depth == 0)
        throw std::runtime_error("deep");
    fall(depth - 1);
    destroyed += 1000000; /* not a tail call */
}

static int compare(const void *, const void *) {
    throw 42;
}

static int thrown_through_c() {
    int numbers[] = {3, 1, 2};
    try {
        qsort(numbers, 3, sizeof numbers[0], compare);
    } catch (int number) {
        return number;
    }
    return 0;
}

static void test_exceptions() {
    std::string what;
    destroyed = 0;
    try {
        fall(500);
    } catch (const std::exception &error) {
        what = error.what();
    }
    ok(what == "deep" && destroyed == 501,
       "an exception crosses 500 frames, whose objects are destroyed");
    std::atomic<int> caught{0};
    run_all([&](int me) {
        for (int i = 0; i < 200; i++)
            try {
                fall(me);
            } catch (const std::runtime_error &) {
                caught++;
            }
    });
    is_int(caught, THREADS * 200, "in many threads at once");
    try {
        try {
            throw std::logic_error("inner");
        } catch (...) {
            std::throw_with_nested(std::runtime_error("outer"));
        }
    } catch (const std::exception &outer) {
        what = outer.what();
        try {
            std::rethrow_if_nested(outer);
        } catch (const std::exception &inner) {
            what += inner.what();
        }
    }
    ok(what == "outerinner", "nested ones");
    is_int(thrown_through_c(), 42, "one crosses qsort, which is C");
    bool bad = false;
    try {
        std::vector<char> huge(1ul << 46);
        bad = huge.data() == nullptr;
    } catch (const std::bad_alloc &) {
        bad = true;
    }
    ok(bad, "std::bad_alloc");
    std::error_code code;
    try {
        std::thread thread;
        thread.join();
    } catch (const std::system_error &error) {
        code = error.code();
    }
    ok(code == std::errc::invalid_argument, "std::system_error of a thread that is none");
    pid_t child = start();
    if (child == 0) {
        fclose(stderr);
        std::thread([] { throw 1; }).join();
        _exit(0);
    }
    int status = reap(child);
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT,
       "one that nobody catches ends the process");
}

static void *be_cancelled(void *ready) {
    guard g;
    try {
        *static_cast<std::atomic<bool> *>(ready) = true;
        for (;;)
            pause();
    } catch (abi::__forced_unwind &) {
        destroyed += 100;
        throw;
    }
    return nullptr;
}

static void test_cancel() {
    pthread_t thread;
    std::atomic<bool> ready{false};
    void *result = nullptr;
    destroyed = 0;
    pthread_create(&thread, nullptr, be_cancelled, &ready);
    while (!ready)
        std::this_thread::yield();
    pthread_cancel(thread);
    pthread_join(thread, &result);
    ok(result == PTHREAD_CANCELED && destroyed == 101,
       "a cancelled thread's objects are destroyed");
}

/* ---- The rest of the library --------------------------------------------------------------- */

static void test_library() {
    std::map<std::string, int> words;
    {
        std::ofstream out("/tmp/t_cxx.words");
        for (int i = 0; i < 1000; i++)
            out << "word" << i % 10 << '\n';
    }
    std::ifstream in("/tmp/t_cxx.words");
    for (std::string word; in >> word;)
        words[word]++;
    unlink("/tmp/t_cxx.words");
    ok(words.size() == 10 && words["word7"] == 100, "streams and containers");
    auto before = std::chrono::steady_clock::now();
    std::this_thread::sleep_for(3ms);
    ok(std::chrono::steady_clock::now() - before >= 3ms, "std::chrono");
    ok(std::thread::hardware_concurrency() == (unsigned)get_nprocs(), "as many harts as there are");
}

int main() {
    test_locks();
    test_waiting();
    test_futures();
    test_thread_local();
    test_exceptions();
    test_cancel();
    test_library();
    return done();
}

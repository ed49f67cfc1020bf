// Simulated sessions, each made by a seed alone: `sim SEED` runs one, `sim FIRST COUNT` many.
#include <sys/time.h>
#include <charconv>
#include <csignal>
#include <cstring>

#include "t/sim/leg_run.hpp"
#include "t/sim/run.hpp"

// There with the sanitizers alone.
extern "C" [[gnu::weak]] void __sanitizer_set_death_callback(void (*callback)());

namespace {

using namespace sim;

[[nodiscard]] std::uint64_t number(const char *text) {
    std::uint64_t value = 0;
    const char *end = text + std::strlen(text);
    if (std::from_chars(text, end, value).ptr != end || text == end) {
        std::fprintf(stderr, "not a number: %s\n", text);
        std::exit(2);
    }
    return value;
}

// What ends the program where no judge does, an assert, a sanitizer or a loop without an end, must
// not hide which run it was.
std::uint64_t running = 0;

void name_the_run() {
    std::fprintf(stderr, "seed %llu: the program ended in it\n",
                 static_cast<unsigned long long>(running));
}

void name_the_run_and_end(int signal) {
    name_the_run();
    std::signal(signal, SIG_DFL);
    std::raise(signal);
}

void watch() {
    if (__sanitizer_set_death_callback != nullptr) {
        __sanitizer_set_death_callback(name_the_run);
    }
    std::signal(SIGABRT, name_the_run_and_end);
    std::signal(SIGVTALRM, name_the_run_and_end);
}

// In seconds of computing, so that a busy machine does no harm.
void limit_time() {
    const itimerval limit{.it_interval = {}, .it_value = {.tv_sec = 60, .tv_usec = 0}};
    static_cast<void>(setitimer(ITIMER_VIRTUAL, &limit, nullptr));
}

}  // namespace

int main(int argc, char **argv) {
    const std::uint64_t first = argc > 1 ? number(argv[1]) : 0;
    const std::uint64_t count = argc > 2 ? number(argv[2]) : 1;
    House::talks = argc == 2;
    std::size_t ended_by[causes] = {};
    std::size_t moved = 0;
    std::size_t resumed = 0;
    std::size_t moved_by_legs = 0;
    watch();
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
        running = seed;
        limit_time();
        Run run(seed);
        run.run();
        ++ended_by[static_cast<std::size_t>(run.cause())];
        moved += run.bytes_moved();
        LegRun legs(seed);
        legs.run();
        resumed += legs.legs() - 1;
        moved_by_legs += legs.bytes_moved();
    }
    std::printf("%llu sessions, %zu bytes; ended by:", static_cast<unsigned long long>(count),
                moved);
    constexpr const char *names[causes] = {
        "client's Close",   "broken rule", "vanished client",       "backend",
        "vanished backend", "no text",     "Close without receipt", "timeout",
        "no memory",        "shutdown"};
    for (std::size_t i = 0; i < causes; ++i) {
        std::printf("%s %s %zu", i == 0 ? "" : ",", names[i], ended_by[i]);
    }
    std::printf("\nand as many that outlive their legs: resumed %zu times, %zu bytes\n", resumed,
                moved_by_legs);
    return 0;
}

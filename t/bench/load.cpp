// The load generator, one process and one thread: one mode, one server, one line of JSON.
#include "t/bench/modes.hpp"
#include "t/bench/sockets.hpp"

#include <string_view>

using namespace bench;

namespace {

struct Mode {
    std::string_view name;
    void (*run)(const Options &, Result &);
};

constexpr Mode modes[] = {
    {"echo", run_echo},
    {"upload", run_upload},
    {"download", run_download},
    {"connects", run_connects},
    {"idle", run_idle},
    {"stalled-upload", run_stalled_upload},
    {"stalled-download", run_stalled_download},
};

}  // namespace

int main(int argc, char **argv) {
    const Options options = read_options(argc, argv);
    Result result;
    for (const Mode &mode : modes) {
        if (mode.name == options.mode) {
            mode.run(options, result);
            result.print();
            return 0;
        }
    }
    fail("no mode \"%s\"", options.mode.c_str());
}

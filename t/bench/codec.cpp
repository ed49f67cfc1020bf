// The codec beside memcpy and beside libwslay, in one run: `./build.sh bench codec`.
// Google Benchmark's own options are taken; the table at the end holds the goals.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>
#include <wslay/wslay.h>

#include "ngx_ws_filter/ws_frames/frame_reader.hpp"
#include "ngx_ws_filter/ws_messages/session.hpp"
#include "ngx_ws_filter/ws_messages/utf8.hpp"

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t read_size = 16 * 1024;  // as a worker's scratch buffer is filled

void add_frame(Bytes &to, std::size_t size, unsigned first_byte = 0x82) {
    constexpr std::array<std::uint8_t, 4> key{0x37, 0xfa, 0x21, 0x3d};
    to.push_back(static_cast<std::uint8_t>(first_byte));
    const unsigned more = size < 126 ? 0 : size <= 0xffff ? 2 : 8;
    to.push_back(static_cast<std::uint8_t>(0x80 | (more == 0 ? size : more == 2 ? 126 : 127)));
    for (unsigned i = more; i > 0; --i) {
        to.push_back(static_cast<std::uint8_t>(size >> 8 * (i - 1)));
    }
    to.insert(to.end(), key.begin(), key.end());
    for (std::size_t i = 0; i < size; ++i) {
        to.push_back(static_cast<std::uint8_t>('a' + i % 26) ^ key[i % 4]);
    }
}

// As many frames of one size as one read holds.
Bytes one_read(std::size_t payload) {
    Bytes stream;
    while (stream.size() + payload + 8 <= read_size) {
        add_frame(stream, payload);
    }
    return stream;
}

void count_bytes(benchmark::State &state, std::size_t bytes) {
    state.SetBytesProcessed(static_cast<std::int64_t>(bytes * state.iterations()));
}

void copy(benchmark::State &state) {
    const auto size = static_cast<std::size_t>(state.range(0));
    const Bytes from(size, 'x');
    Bytes to(size, 'y');
    for ([[maybe_unused]] auto _ : state) {
        std::memcpy(to.data(), from.data(), size);
        benchmark::ClobberMemory();
    }
    count_bytes(state, size);
}

// In place as unmasking is, so that both touch the same memory: the ratio to memcpy, with its two
// buffers, is flattering where one of them fits into a cache and two do not.
void move_down(benchmark::State &state) {
    const auto size = static_cast<std::size_t>(state.range(0));
    Bytes stream;
    add_frame(stream, size);
    const std::size_t header = stream.size() - size;
    for ([[maybe_unused]] auto _ : state) {
        std::memmove(stream.data(), stream.data() + header, size);
        benchmark::ClobberMemory();
    }
    count_bytes(state, size);
}

// One frame, whose payload is moved down over its header: that has to be written anew each time.
void unmask_and_pack(benchmark::State &state) {
    const auto size = static_cast<std::size_t>(state.range(0));
    Bytes stream;
    add_frame(stream, size);
    const Bytes header(stream.begin(), stream.begin() + 14);
    ws::FrameReader reader;
    for ([[maybe_unused]] auto _ : state) {
        std::copy(header.begin(), header.end(), stream.begin());
        ws::ReadBuffer buffer{stream.data(), stream.data(), stream.data() + stream.size()};
        ws::Piece piece;
        if (reader.next(buffer, piece) != ws::ReadStatus::piece || piece.payload.size() != size) {
            state.SkipWithError("the frame was not read");
        }
        benchmark::ClobberMemory();
    }
    count_bytes(state, size);
}

// The stream is copied first, as wslay's callback copies it: both have to get the bytes.
void read_frames(benchmark::State &state) {
    const Bytes stream = one_read(static_cast<std::size_t>(state.range(0)));
    Bytes received(stream.size());
    ws::FrameReader reader;
    for ([[maybe_unused]] auto _ : state) {
        std::memcpy(received.data(), stream.data(), stream.size());
        ws::ReadBuffer buffer{received.data(), received.data(), received.data() + received.size()};
        ws::Piece piece;
        while (reader.next(buffer, piece) == ws::ReadStatus::piece) {
            benchmark::DoNotOptimize(piece.payload.data());
        }
        benchmark::ClobberMemory();
    }
    count_bytes(state, stream.size());
}

void read_messages(benchmark::State &state) {
    const Bytes stream = one_read(static_cast<std::size_t>(state.range(0)));
    Bytes received(stream.size());
    ws::Session session({});
    for ([[maybe_unused]] auto _ : state) {
        std::memcpy(received.data(), stream.data(), stream.size());
        ws::ReadBuffer buffer{received.data(), received.data(), received.data() + received.size()};
        if (session.receive(buffer) != ws::Event::exhausted) {
            state.SkipWithError("a message was not read");
        }
        benchmark::ClobberMemory();
    }
    count_bytes(state, stream.size());
}

// What wslay's callbacks read from.
struct Source {
    const Bytes &stream;
    std::size_t at = 0;

    std::size_t give(std::uint8_t *to, std::size_t room) {
        const std::size_t size = std::min(room, stream.size() - at);
        std::memcpy(to, stream.data() + at, size);
        at += size;
        return size;
    }
};

void wslay_frames(benchmark::State &state) {
    const Bytes stream = one_read(static_cast<std::size_t>(state.range(0)));
    Source source{stream};
    wslay_frame_callbacks callbacks{};
    callbacks.recv_callback = [](std::uint8_t *to, std::size_t room, int, void *data) -> ssize_t {
        const std::size_t size = static_cast<Source *>(data)->give(to, room);
        return size == 0 ? -1 : static_cast<ssize_t>(size);
    };
    wslay_frame_context_ptr context = nullptr;
    wslay_frame_context_init(&context, &callbacks, &source);
    for ([[maybe_unused]] auto _ : state) {
        source.at = 0;
        wslay_frame_iocb frame{};
        while (wslay_frame_recv(context, &frame) >= 0) {
            benchmark::DoNotOptimize(frame.data);
        }
        benchmark::ClobberMemory();
    }
    wslay_frame_context_free(context);
    count_bytes(state, stream.size());
}

void wslay_messages(benchmark::State &state) {
    const Bytes stream = one_read(static_cast<std::size_t>(state.range(0)));
    Source source{stream};
    wslay_event_callbacks callbacks{};
    callbacks.recv_callback = [](wslay_event_context_ptr context, std::uint8_t *to,
                                 std::size_t room, int, void *data) -> ssize_t {
        const std::size_t size = static_cast<Source *>(data)->give(to, room);
        if (size == 0) {
            wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
            return -1;
        }
        return static_cast<ssize_t>(size);
    };
    callbacks.on_msg_recv_callback = [](wslay_event_context_ptr,
                                        const wslay_event_on_msg_recv_arg *message,
                                        void *) { benchmark::DoNotOptimize(message->msg); };
    wslay_event_context_ptr context = nullptr;
    wslay_event_context_server_init(&context, &callbacks, &source);
    for ([[maybe_unused]] auto _ : state) {
        source.at = 0;
        if (wslay_event_recv(context) != 0) {
            state.SkipWithError("wslay did not read a message");
        }
        benchmark::ClobberMemory();
    }
    wslay_event_context_free(context);
    count_bytes(state, stream.size());
}

// Texts of one size, made of whole code points.
std::string text_of(std::string_view kind, std::size_t size) {
    constexpr std::string_view ascii = "The quick brown fox jumps over the lazy dog. ";
    constexpr std::string_view japanese = "いろはにほへと ちりぬるを わかよたれそ 常ならむ。";
    constexpr std::string_view others[] = {"é", "ß", "Ж", "λ", "語", "€", "😀", "\n"};
    std::mt19937 random(1);
    std::string text;
    while (text.size() < size) {
        text +=
            kind == "japanese" ? japanese : ascii.substr(0, kind == "ascii" ? 45 : random() % 12);
        for (unsigned i = kind == "mixed" ? random() % 5 : 0; i > 0; --i) {
            text += others[random() % std::size(others)];
        }
    }
    text.resize(size);
    const auto *bytes = reinterpret_cast<const std::uint8_t *>(text.data());
    text.resize(size - ws::cut_code_point({bytes, size}));
    return text;
}

void validate(benchmark::State &state, std::string_view kind) {
    const std::string text = text_of(kind, static_cast<std::size_t>(state.range(0)));
    const std::span bytes{reinterpret_cast<const std::uint8_t *>(text.data()), text.size()};
    ws::Utf8Validator validator;
    for ([[maybe_unused]] auto _ : state) {
        validator.reset();
        if (!validator.take(bytes) || !validator.complete()) {
            state.SkipWithError("the text was refused");
        }
    }
    count_bytes(state, text.size());
}

// Keeps the best rate of each benchmark: what disturbs a run makes it slower, never faster.
class Rates : public benchmark::BenchmarkReporter {
public:
    bool ReportContext(const Context &context) override {
        PrintBasicContext(&GetErrorStream(), context);
        return true;
    }

    void ReportRuns(const std::vector<Run> &runs) override {
        for (const Run &run : runs) {
            const auto rate = run.counters.find("bytes_per_second");
            if (!run.error_occurred && rate != run.counters.end()) {
                double &best = best_[run.run_name.function_name + "/" + run.run_name.args];
                best = std::max(best, static_cast<double>(rate->second));
            }
            if (run.error_occurred) {
                std::printf("%s: %s\n", run.benchmark_name().c_str(), run.error_message.c_str());
                failed_ = true;
            }
        }
    }

    [[nodiscard]] double of(const std::string &name) const {
        const auto found = best_.find(name);
        return found == best_.end() ? 0 : found->second;
    }

    [[nodiscard]] bool failed() const { return failed_; }

private:
    std::map<std::string, double> best_;
    bool failed_ = false;
};

// Prints what was wanted of each pair, and what came.
class Goals {
public:
    explicit Goals(const Rates &rates) : rates_(rates) {
        std::printf("%-26s %-20s %8s %8s %8s\n", "", "beside", "GB/s", "ratio", "goal");
    }

    void ratio(const std::string &name, const std::string &beside, double goal) {
        row(name, beside, goal, rates_.of(name) / rates_.of(beside));
    }

    void rate(const std::string &name, const std::string &beside, double goal) {
        row(name, beside, goal, rates_.of(name) / 1e9, "GB/s");
    }

    // Without a goal.
    void told(const std::string &name, const std::string &beside) {
        if (both(name, beside)) {
            numbers(name, beside);
            std::printf("\n");
        }
    }

    [[nodiscard]] bool all_met() const { return all_met_; }

private:
    // What --benchmark_filter leaves out has no rate.
    [[nodiscard]] bool both(const std::string &name, const std::string &beside) const {
        return rates_.of(name) != 0 && rates_.of(beside) != 0;
    }

    void numbers(const std::string &name, const std::string &beside) const {
        std::printf("%-26s %-20s %8.2f %8.2f", name.c_str(), beside.c_str(), rates_.of(name) / 1e9,
                    rates_.of(name) / rates_.of(beside));
    }

    void row(const std::string &name, const std::string &beside, double goal, double value,
             const char *unit = "") {
        if (!both(name, beside)) {
            return;
        }
        const bool met = value >= goal;
        all_met_ = all_met_ && met;
        numbers(name, beside);
        std::printf(" %8.1f %-5s %s\n", goal, unit, met ? "pass" : "FAIL");
    }

    const Rates &rates_;
    bool all_met_ = true;
};

bool report(const Rates &rates) {
    Goals goals(rates);
    for (const char *size : {"16384", "65536", "1048576", "16777216"}) {
        goals.ratio(std::string("unmask_and_pack/") + size, std::string("memcpy/") + size, 0.8);
        goals.told(std::string("unmask_and_pack/") + size, std::string("memmove/") + size);
    }
    // Whole messages, since wslay's frames are not yet checked: that is its message layer's work.
    for (const char *size : {"16", "125"}) {
        goals.ratio(std::string("messages/") + size, std::string("wslay_messages/") + size, 10);
        goals.told(std::string("frames/") + size, std::string("wslay_frames/") + size);
    }
    for (const char *size : {"16384", "1048576"}) {
        goals.ratio(std::string("utf8_ascii/") + size, std::string("memcpy/") + size, 0.5);
        goals.rate(std::string("utf8_japanese/") + size, std::string("memcpy/") + size, 4);
        goals.rate(std::string("utf8_mixed/") + size, std::string("memcpy/") + size, 4);
    }
    return goals.all_met() && !rates.failed();
}

void declare() {
    using benchmark::RegisterBenchmark;
    for (const long size : {16'384L, 65'536L, 1'048'576L, 16'777'216L}) {
        RegisterBenchmark("memcpy", copy)->Arg(size);
        RegisterBenchmark("memmove", move_down)->Arg(size);
        RegisterBenchmark("unmask_and_pack", unmask_and_pack)->Arg(size);
    }
    for (const long size : {16L, 125L}) {
        RegisterBenchmark("frames", read_frames)->Arg(size);
        RegisterBenchmark("wslay_frames", wslay_frames)->Arg(size);
        RegisterBenchmark("messages", read_messages)->Arg(size);
        RegisterBenchmark("wslay_messages", wslay_messages)->Arg(size);
    }
    for (const long size : {125L, 16'384L, 1'048'576L}) {
        RegisterBenchmark("utf8_ascii", validate, "ascii")->Arg(size);
        RegisterBenchmark("utf8_japanese", validate, "japanese")->Arg(size);
        RegisterBenchmark("utf8_mixed", validate, "mixed")->Arg(size);
    }
}

}  // namespace

int main(int argc, char **argv) {
    // Many short repetitions in random order: the machine may be busy with something else, and the
    // best of each is compared. What is given on the command line comes later and wins.
    std::vector<const char *> arguments{argv[0], "--benchmark_repetitions=20",
                                        "--benchmark_min_time=0.02",
                                        "--benchmark_enable_random_interleaving=true"};
    arguments.insert(arguments.end(), argv + 1, argv + argc);
    int count = static_cast<int>(arguments.size());
    auto **values = const_cast<char **>(arguments.data());
    benchmark::Initialize(&count, values);
    if (benchmark::ReportUnrecognizedArguments(count, values)) {
        return 2;
    }
    declare();
    Rates rates;
    benchmark::RunSpecifiedBenchmarks(&rates);
    return report(rates) ? 0 : 1;
}

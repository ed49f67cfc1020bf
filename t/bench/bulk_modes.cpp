#include "t/bench/crowd.hpp"
#include "t/bench/modes.hpp"

#include <unistd.h>

namespace bench {

namespace {

constexpr std::uint64_t patience_ns = 10'000'000'000;

// Sends out what was begun and returns the payload bytes of all clients.
std::uint64_t finish_sending(const Crowd &crowd, const Messages &messages) {
    const std::uint64_t deadline = now_ns() + patience_ns;
    std::uint64_t payload = 0;
    for (const auto &client : crowd) {
        client->stop_after_message(messages);
        while (!client->flush(messages)) {
            if (now_ns() > deadline) {
                fail("the server takes no more data");
            }
            usleep(1000);
        }
        payload += client->sent() / messages.wire_size() * messages.payload_size();
    }
    return payload;
}

// The sink must have read exactly what was sent.
void check_sink(const Control &control, std::uint64_t sent) {
    const std::uint64_t deadline = now_ns() + patience_ns;
    Report report = control.ask();
    while (report.taken < sent && now_ns() < deadline) {
        usleep(1000);
        report = control.ask();
    }
    if (report.taken != sent || report.wrong != 0) {
        fail("sent %llu bytes, the sink has read %llu, %llu pieces of them wrong",
             static_cast<unsigned long long>(sent), static_cast<unsigned long long>(report.taken),
             static_cast<unsigned long long>(report.wrong));
    }
}

}  // namespace

void run_upload(const Options &options, Result &result) {
    const Messages messages(options.framing(), options.size);
    const std::uint64_t run = std::max<std::uint64_t>(Messages::longest_run / options.size, 1);
    const Control control(options.control);
    Crowd crowd(options, EPOLLOUT);
    Window window(options);
    while (window.open([&control] { return control.ask().taken; })) {
        crowd.turn([&messages, run](Client &client, std::uint32_t) {
            if (client.flush(messages)) {
                client.allow(messages, run);
            }
        });
    }
    check_sink(control, finish_sending(crowd, messages));
    window.tell(result);
}

void run_download(const Options &options, Result &result) {
    Crowd crowd(options, EPOLLIN);
    Window window(options);
    std::uint64_t received = 0;
    while (window.open([&received] { return received; })) {
        crowd.turn([&received](Client &client, std::uint32_t) {
            received -= client.received();
            (void)client.receive();
            received += client.received();
        });
    }
    window.tell(result);
}

}  // namespace bench

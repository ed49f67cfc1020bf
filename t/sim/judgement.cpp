#include <charconv>

#include "ngx_ws_filter/ws_messages/utf8.hpp"
#include "t/sim/run.hpp"

namespace sim {
namespace {

[[nodiscard]] std::uint64_t number(const std::string &text) {
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

}  // namespace

Cause Run::cause() const {
    const ws::Tunnel &tunnel = relay_.tunnel();
    const std::string_view why = tunnel.why();
    if (why == "gateway is shutting down") {
        return Cause::stopped;
    }
    if (why == "gateway has no memory") {
        return Cause::no_memory;
    }
    if (tunnel.ended_by() == ws::Side::client) {
        return tunnel.close_code() == ws::CloseCode::abnormal && why == "connection lost"
                   ? Cause::client_vanished
               : why.empty() ? Cause::client_closed
                             : Cause::no_receipt;
    }
    if (tunnel.ended_by() == ws::Side::backend) {
        return why.empty()                             ? Cause::backend_ended
               : why == "backend connection was reset" ? Cause::backend_vanished
               : why.starts_with("not acknowledged")   ? Cause::no_receipt
                                                       : Cause::no_text;
    }
    if (session_.violation() != ws::Violation::none && why == words(session_.violation())) {
        return Cause::rule_broken;
    }
    return why == "backend sent bytes that are not UTF-8" ? Cause::no_text : Cause::timeout;
}

void Run::check() {
    const ClientScript &script = client_.script();
    const bool timeouts = !settings_.patient || stopped_;
    switch (cause()) {
        case Cause::client_closed:
            judge_.require(script.end == End::closes || client_.got_close(), "the client closed");
            check_all_for_backend();
            check_close(script.code);
            break;
        case Cause::rule_broken:
            judge_.require(script.end == End::breaks_a_rule, "the client broke a rule");
            check_all_for_backend();
            check_close(script.code);
            break;
        case Cause::client_vanished:
            judge_.require(script.end == End::vanishes || client_.reset() || client_.got_close() ||
                               house_.was_poor(),
                           "the client vanished");
            judge_.require(!client_.got_close() || client_.done(),
                           "nobody is there to get a Close");
            break;
        case Cause::backend_ended:
            check_all_for_client(backend_.script());
            // Both may have ended at once.
            check_close(session_.close_received() && facts().bytes_in == script.data.size() &&
                                !was_normal()
                            ? script.code
                            : ws::CloseCode::normal);
            break;
        case Cause::no_text:
            judge_.require(settings_.text, "text was promised");
            check_all_for_client(whole_text());
            check_close(ws::CloseCode::internal_error);
            break;
        case Cause::no_receipt:
            judge_.require(script.end == End::closes || backend_.vanished() || was_cut_short(),
                           "something is missing");
            check_undelivered();
            break;
        case Cause::backend_vanished:
            judge_.require(backend_.vanished() || house_.was_poor(), "the backend vanished");
            check_undelivered();
            break;
        case Cause::timeout:
            judge_.require(timeouts, "nobody was late");
            break;
        case Cause::no_memory:
            judge_.require(house_.was_poor(), "memory was lacking");
            break;
        case Cause::stopped:
            judge_.require(stopped_, "the worker was told to stop");
            break;
    }
    check_prefix_for_client();
    check_prefix_for_backend();
    judge_.require(session_.violation() == ws::Violation::none || script.end == End::breaks_a_rule,
                   "a client that keeps to the rules is not refused");
}

bool Run::was_normal() const {
    return client_.got_close() && client_.close_payload() == "\x03\xe8";
}

bool Run::was_cut_short() const {
    return !settings_.patient || stopped_ || house_.was_poor();
}

void Run::check_all_for_client(std::string_view all) {
    if (client_.script().end != End::vanishes && !was_cut_short()) {
        judge_.require(client_.received() == all, "the client has it all");
    }
}

// All that was good, unless nobody was there any more to read it.
void Run::check_all_for_backend() {
    if (!backend_.vanished() && !was_cut_short()) {
        judge_.require(backend_.received() == client_.script().data, "the backend has it all");
    }
}

// A stream that was cut must not look whole.
void Run::check_prefix_for_backend() {
    judge_.require(client_.script().data.starts_with(backend_.received()),
                   "in order to the backend");
    const bool looks_whole = relay_to_backend_.ended() && !relay_to_backend_.is_reset();
    judge_.require(!looks_whole || backend_.received().size() == facts().bytes_in,
                   "a stream that looks whole is");
}

void Run::check_prefix_for_client() {
    judge_.require(backend_.script().starts_with(client_.received()), "in order to the client");
}

// The Close counts what the backend did not acknowledge, or what nobody said that it did.
void Run::check_undelivered() {
    if (client_.reset() || !client_.got_close()) {
        return;
    }
    check_close(ws::CloseCode::internal_error);
    const std::uint64_t told = number(client_.close_payload().substr(2));
    const std::uint64_t taken = relay_.to_backend().taken();
    judge_.require(told + relay_to_backend_.acknowledged() >= taken,
                   "no byte is missing in the count");
    // Some of what breaks a rule may be counted: a session that ends looks at frames alone.
    judge_.require(told <= client_.script().data.size() || settings_.compression ||
                       client_.script().end == End::breaks_a_rule,
                   "nothing is counted that was not sent");
}

void Run::check_close(ws::CloseCode code) {
    if (client_.script().end == End::vanishes || was_cut_short()) {
        return;  // perhaps it could not come, or to nobody
    }
    judge_.require(client_.got_close(), "the client gets a Close");
    const std::string &payload = client_.close_payload();
    if (code == ws::CloseCode::no_status) {
        judge_.require(payload.empty(), "an empty Close gets an empty answer");
        return;
    }
    judge_.require(payload.size() >= 2, "the Close has a code");
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(payload[i]); };
    judge_.require((byte(0) << 8U | byte(1)) == static_cast<int>(code), "the Close is right");
}

std::string_view Run::whole_text() const {
    ws::Utf8Validator validator;
    static_cast<void>(validator.take(bytes(backend_.script())));
    return std::string_view(backend_.script()).substr(0, validator.valid() - validator.pending());
}

}  // namespace sim

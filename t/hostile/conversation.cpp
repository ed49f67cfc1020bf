#include "t/hostile/conversation.hpp"

#include "t/hostile/loop.hpp"

namespace hostile {

namespace {

// How often the gateway's patience a conversation may last. A backend with a small buffer may get a
// few bytes each time the kernel probes its window, and nobody is to blame for that.
constexpr Milliseconds most_patience = 4;

// Where the head of a request ends, as nginx sees it.
[[nodiscard]] std::size_t end_of_head(std::string_view bytes) {
    const std::size_t begin = std::min(bytes.find_first_not_of("\r\n"), bytes.size());
    for (std::size_t at = begin; at < bytes.size(); ++at) {
        if (bytes[at] != '\n') {
            continue;
        }
        const std::string_view rest = bytes.substr(at + 1);
        if (rest.starts_with("\n")) {
            return at + 2;
        }
        if (rest.starts_with("\r\n")) {
            return at + 3;
        }
    }
    return bytes.size();
}

TlsPlan bearable(TlsPlan plan, const Front &front) {
    plan.renews_keys = plan.renews_keys && front.renews_keys;
    return plan;
}

}  // namespace

Conversation::Conversation(const Front &front, Script script, Milliseconds now)
    : script_(std::move(script)),
      channel_({.port = script_.tls ? front.tls_port : front.port,
                .number = script_.seed,
                .receive_buffer = script_.receive_buffer,
                .segment = script_.segment,
                .tls = script_.tls,
                .plan = bearable(script_.tls_plan, front)}),
      deadline_(now + front.patience),
      give_up_at_(now + most_patience * front.patience),
      lost_before_(lost_ms()),
      patience_(front.patience) {
}

void Conversation::turn(bool readable, Milliseconds now) {
    if (readable) {
        receive();
    }
    answer_pings();
    channel_.flush();
    go_on(now);
    if (finished_ && !cut_ && !gateway_will_end()) {
        hang_up(End::half);
    }
    channel_.flush();
    if (!over_ && channel_.ended()) {
        over_ = true;
    }
    if (!over_ && now > deadline_) {
        fault_ = finished_ ? "the gateway does not end it" : "it stands still";
        over_ = true;
    }
    if (!over_ && now > give_up_at_) {
        slow_ = true;
        hang_up(End::reset);
    }
    if (over_) {
        judge();
        channel_.close();
    }
}

void Conversation::receive() {
    std::string got;
    channel_.receive(got);
    if (!got.empty()) {
        deadline_ = now_ms() + patience_;
    }
    const bool upgraded = replies_.upgraded();
    replies_.take(sim::bytes(got));
    if (!upgraded && replies_.upgraded()) {
        begin_reading();
    }
}

// From now on it is known where the frames begin, and what was agreed.
void Conversation::begin_reading() {
    const std::string_view agreed = replies_.field("Sec-WebSocket-Extensions");
    const bool takeover = agreed.find("client_no_context_takeover") == std::string_view::npos;
    reading_ = std::make_unique<Reading>(*script_.place, !agreed.empty(), takeover);
    reading_->take(sim::bytes(sent_).subspan(end_of_head(sent_)));
}

// The last one, and between two frames of its own.
void Conversation::answer_pings() {
    if (std::vector<std::string> pings = replies_.take_pings(); !pings.empty()) {
        unanswered_ = std::move(pings.back());
    }
    if (unanswered_ && script_.answers_pings && reading_->between_frames() && !reading_->owed()) {
        std::string frame = "\x8a";
        frame += static_cast<char>(0x80U | unanswered_->size());
        send(frame + std::string(4, '\0') + *unanswered_);
        unanswered_.reset();
    }
}

void Conversation::send(std::string_view bytes) {
    sent_ += bytes;
    channel_.send(sim::bytes(bytes));
    if (reading_ != nullptr) {
        reading_->take(sim::bytes(bytes));
    }
}

void Conversation::go_on(Milliseconds now) {
    while (!finished_ && !channel_.ended() && channel_.flushed() && now >= resume_at_) {
        if (channel_.broken() || step_ == script_.steps.size()) {
            finish();
            return;
        }
        if (!take_step(script_.steps[step_], now)) {
            return;
        }
        ++step_;
        // It is the single steps that the gateway may take its time for.
        deadline_ = now + patience_;
        channel_.flush();
    }
}

bool Conversation::take_step(const Step &step, Milliseconds now) {
    switch (step.kind) {
        case Step::Kind::send:
            send(std::string_view(script_.bytes).substr(taken_, step.number));
            taken_ += step.number;
            return true;
        case Step::Kind::pause:
            resume_at_ = now + static_cast<Milliseconds>(step.number);
            return true;
        case Step::Kind::await_answer:
            // A request that was spoilt may never be answered.
            return replies_.status() != 0 || replies_.confused() || !script_.whole_request;
        case Step::Kind::await_echo:
            return echo_is_complete();
        case Step::Kind::stop_reading:
            reads_ = false;
            return true;
        case Step::Kind::read_on:
            reads_ = true;
            return true;
    }
    return true;
}

// Whether it comes to an end although the client only waits. As long as there is no 101 it does.
bool Conversation::gateway_will_end() const {
    const bool arrives = !script_.tls || script_.tls_plan.leaves_records();
    return script_.hasty || reading_ == nullptr ||
           (reading_->owed() && arrives && !replies_.confused());
}

void Conversation::finish() {
    finished_ = true;
    reads_ = true;
    hang_up(channel_.broken() ? End::wait : script_.end);
}

// A FIN behind a last word is not the end of it: the answer is still due.
void Conversation::hang_up(End end) {
    const bool waits =
        end == End::half && reading_ != nullptr && reading_->owed() && gateway_will_end();
    cut_ = end != End::wait && !waits;
    over_ = end == End::cut || end == End::reset;
    switch (end) {
        case End::wait:
            break;
        case End::half:
            channel_.finish();
            break;
        case End::cut:
            channel_.close();
            break;
        case End::reset:
            channel_.reset();
            break;
    }
}

// What came back, without what the gateway says to the backend by itself.
std::string_view Conversation::echoed() const {
    std::string_view all = replies_.payload();
    if (script_.place->name == "proxied") {
        all.remove_prefix(std::min(all.find('\n'), all.size()));
        all.remove_prefix(std::min<std::size_t>(1, all.size()));
    }
    return all;
}

bool Conversation::echo_is_complete() const {
    return reading_ != nullptr && echoed().size() >= reading_->payload().size();
}

}  // namespace hostile

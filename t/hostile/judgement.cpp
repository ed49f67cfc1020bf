// What a conversation has to have brought, whatever was done to it.
#include "t/hostile/conversation.hpp"

#include "t/hostile/loop.hpp"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <strings.h>

namespace hostile {

namespace {

// RFC 6455, section 4.2.2.
[[nodiscard]] std::string accept_for(std::string_view key) {
    const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char digest[SHA_DIGEST_LENGTH];
    SHA1(reinterpret_cast<const unsigned char *>(text.data()), text.size(), digest);
    unsigned char encoded[4 * ((SHA_DIGEST_LENGTH + 2) / 3) + 1];
    EVP_EncodeBlock(encoded, digest, SHA_DIGEST_LENGTH);
    return reinterpret_cast<const char *>(encoded);
}

// One of the keys that were sent, wherever a change has put it.
[[nodiscard]] bool is_accept_of(std::string_view accept, std::string_view sent) {
    static constexpr std::string_view field = "sec-websocket-key:";
    for (std::size_t at = 0; at + field.size() < sent.size(); ++at) {
        if (strncasecmp(sent.data() + at, field.data(), field.size()) == 0) {
            std::string_view key = sent.substr(at + field.size());
            key = key.substr(0, key.find_first_of("\r\n"));
            key.remove_prefix(std::min(key.find_first_not_of(" \t"), key.size()));
            key = key.substr(0, key.find_last_not_of(" \t") + 1);
            if (accept == accept_for(key)) {
                return true;
            }
        }
    }
    return false;
}

[[nodiscard]] std::string number(std::size_t value) {
    return std::to_string(value);
}

}  // namespace

std::string Conversation::outcome() const {
    std::string words = "status " + number(replies_.status()) + ", payload of " +
                        number(replies_.payload().size()) + " bytes, " +
                        number(replies_.pongs().size()) + " pongs, ";
    words += replies_.close() ? "Close " + number(*replies_.close()) : "no Close";
    words +=
        channel_.was_reset() ? ", reset" : (channel_.ended() ? ", FIN" : ", ended by the client");
    if (reading_ != nullptr) {
        words += "; sent payload of " + number(reading_->payload().size()) + " bytes, " +
                 number(reading_->pings().size()) + " pings, ";
        words += reading_->owed() ? "owed Close " + number(*reading_->owed()) : "owed no Close";
    }
    return (fault_.empty() ? "" : fault_ + ": ") + std::string(script_.place->name) +
           (script_.tls ? ", TLS, " : ", ") + words;
}

void Conversation::judge() {
    if (fault_.empty() && replies_.fault() != nullptr) {
        fault_ = replies_.fault();
    }
    if (fault_.empty() && replies_.upgraded() &&
        !is_accept_of(replies_.field("Sec-WebSocket-Accept"), sent_)) {
        fault_ = "no answer to its key";
    }
    if (reading_ == nullptr || replies_.confused()) {
        if (fault_.empty() && script_.valid && !slow_ && !was_late()) {
            fault_ = "refused with status " + number(replies_.status());
        }
        return;
    }
    for (auto judgement : {&Conversation::judge_payload, &Conversation::judge_pongs,
                           &Conversation::judge_close, &Conversation::judge_valid}) {
        if (fault_.empty()) {
            fault_ = (this->*judgement)();
        }
    }
}

// Of a client that was itself kept waiting, or its backend, the gateway need not expect any more.
bool Conversation::was_late() const {
    return lost_ms() - lost_before_ > 500;
}

// What came back was sent, and in this order.
std::string Conversation::judge_payload() const {
    if (!script_.place->echoes() || reading_->blurred()) {
        return {};
    }
    std::string echo(echoed());
    std::string sent = reading_->payload();
    if (script_.place->framing == Framing::line) {
        std::erase_if(echo, [](char c) { return c == '\n' || c == '\r'; });
        std::erase_if(sent, [](char c) { return c == '\n' || c == '\r'; });
    }
    return sent.starts_with(echo) ? "" : "an echo of what was not sent";
}

// Each answers a ping; some may be left out. Who only waits for the Close inflates nothing, and so
// does not see what is wrong in front of a ping.
std::string Conversation::judge_pongs() const {
    if (script_.place->deflate && reading_->broken()) {
        return {};
    }
    const std::vector<std::string> &pings = reading_->pings();
    std::size_t next = 0;
    for (const std::string &pong : replies_.pongs()) {
        while (next < pings.size() && pings[next] != pong) {
            ++next;
        }
        if (next == pings.size()) {
            return "a pong without its ping";
        }
    }
    return {};
}

// Nothing but the rules tells how it ends.
bool Conversation::tells_all() const {
    return script_.place->service == Service::echo && script_.place->is_stream() &&
           !script_.place->text && !script_.hasty && !reading_->blurred() &&
           (script_.valid || !script_.place->deflate) &&
           (!script_.tls || script_.tls_plan.leaves_records());
}

bool Conversation::close_fits(unsigned code) const {
    static constexpr unsigned own[] = {1000, 1001, 1007, 1008, 1009, 1011, 1013};
    const bool of_its_own = std::ranges::find(own, code) != std::ranges::end(own);
    if (reading_->owed() && code == *reading_->owed()) {
        return true;
    }
    // docs/resume-protocol.md, sections 9 and 10.
    const bool of_resume = code == 1002 || code == 1003 || (code >= 4001 && code <= 4006);
    if (script_.place->service == Service::resumed && of_resume) {
        return true;
    }
    // A client that is kept from running answers no ping in time.
    if (code == 1008 && was_late()) {
        return true;
    }
    return !tells_all() &&
           (of_its_own || (code == 1002 && (reading_->blurred() || reading_->broken())));
}

std::string Conversation::judge_close() const {
    const std::optional<unsigned> close = replies_.close();
    if (close) {
        return close_fits(*close) ? "" : "a Close with code " + number(*close);
    }
    if (tells_all() && reading_->owed() && !cut_ && !was_late()) {
        return "no Close where " + number(*reading_->owed()) + " is due";
    }
    return {};
}

std::string Conversation::judge_valid() const {
    if (!script_.valid || slow_ || was_late()) {
        return {};
    }
    if (echoed().size() != reading_->payload().size()) {
        return number(echoed().size()) + " of " + number(reading_->payload().size()) + " bytes";
    }
    if (replies_.close() != reading_->owed() || channel_.was_reset()) {
        return "no clean end";
    }
    return {};
}

}  // namespace hostile

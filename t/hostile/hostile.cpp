// Hostile clients against a gateway that runs: conversations made by seeds alone. Commands come on
// standard input, a line each, and each is answered by a line that begins with "done":
//
//   open PORT TLS_PORT PATIENCE KEYS   the gateway, how many milliseconds it may take for anything,
//                                      and whether it may be asked for new keys of TLS, 1 or 0
//   run FIRST COUNT AT_ONCE            conversations with these seeds
//   show SEED                          one of them, in all detail
#include "t/hostile/backends.hpp"
#include "t/hostile/conversation.hpp"
#include "t/hostile/healthy.hpp"

#include <cstdio>
#include <iostream>
#include <sstream>

#include <fcntl.h>
#include <unistd.h>
#include <csignal>

namespace {

using namespace hostile;

constexpr std::size_t most_told = 20;  // faults

class Client final : public Watched {
public:
    Client(const Front &front, Script script, Loop &loop)
        : conversation_(front, std::move(script), now_ms()), loop_(loop) {
        loop_.add(conversation_.socket(), watched_, *this);
        turn(false);
    }

    void ready(std::uint32_t events) override {
        turn((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0);
    }

    void turn(bool readable) {
        if (conversation_.over()) {
            return;
        }
        conversation_.turn(readable, now_ms());
        const std::uint32_t events = (conversation_.reads() ? EPOLLIN : 0U) |
                                     (conversation_.wants_to_write() ? EPOLLOUT : 0U);
        if (!conversation_.over() && events != watched_) {
            watched_ = events;
            loop_.change(conversation_.socket(), events, *this);
        }
    }

    [[nodiscard]] const Conversation &conversation() const { return conversation_; }

private:
    Conversation conversation_;
    Loop &loop_;
    std::uint32_t watched_ = EPOLLIN;
};

struct Totals {
    std::size_t conversations = 0;
    std::size_t upgraded = 0;
    std::size_t refused = 0;
    std::size_t closed = 0;
    std::size_t whole = 0;  // of valid ones
    std::size_t slow = 0;
    std::size_t failed = 0;
};

class Program {
public:
    Program() : backends_(loop_) {
        backends_.print_ports();
        say("done");
    }

    void obey() {
        commands_.fill();
        while (!commands_.ended()) {
            turn();
            if (std::string line; commands_.next(line)) {
                obey(line);
            }
        }
    }

private:
    // Lines of standard input, without waiting for them.
    class Commands {
    public:
        void fill() { fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK); }

        bool next(std::string &line) {
            char byte = 0;
            ssize_t count = 0;
            while ((count = read(STDIN_FILENO, &byte, 1)) == 1) {
                if (byte == '\n') {
                    line = std::exchange(partial_, {});
                    return true;
                }
                partial_ += byte;
            }
            ended_ = count == 0;
            return false;
        }

        [[nodiscard]] bool ended() const { return ended_; }

    private:
        std::string partial_;
        bool ended_ = false;
    };

    static void say(const std::string &line) {
        std::printf("%s\n", line.c_str());
        std::fflush(stdout);
    }

    void obey(const std::string &line) {
        std::istringstream words(line);
        std::string command;
        std::uint64_t first = 0;
        std::uint64_t count = 1;
        std::size_t at_once = 1;
        words >> command;
        if (command == "open") {
            words >> front_.port >> front_.tls_port >> front_.patience >> front_.renews_keys;
            healthy_.push_back(std::make_unique<Healthy>(front_, false, loop_));
            healthy_.push_back(std::make_unique<Healthy>(front_, true, loop_));
            say("done");
            return;
        }
        words >> first >> count >> at_once;
        showing_ = command == "show";
        if (showing_) {
            show(first);
        }
        run(first, count, at_once);
        tell();
    }

    void turn() {
        loop_.turn(1);
        const std::int64_t now = now_ms();
        if (now == ticked_at_) {
            return;
        }
        ticked_at_ = now;
        backends_.tick(now);
        for (const auto &session : healthy_) {
            session->tick(now);
            if (std::string fault = session->fault(now); !fault.empty() && !healthy_failed_) {
                healthy_failed_ = true;
                ++totals_.failed;
                say("fault " + fault);
            }
        }
    }

    void run(std::uint64_t first, std::uint64_t count, std::size_t at_once) {
        totals_ = {};
        for (std::uint64_t next = first; next < first + count || !clients_.empty();) {
            while (next < first + count && clients_.size() < at_once) {
                clients_.push_back(std::make_unique<Client>(front_, make_script(next++), loop_));
            }
            const std::int64_t before = ticked_at_;
            turn();
            if (ticked_at_ != before) {
                sweep();
            }
        }
        await_backends();
    }

    void sweep() {
        for (const auto &client : clients_) {
            client->turn(false);
            if (client->conversation().over()) {
                count(client->conversation());
            }
        }
        std::erase_if(clients_, [](const auto &client) { return client->conversation().over(); });
    }

    void count(const Conversation &one) {
        ++totals_.conversations;
        totals_.upgraded += one.replies().upgraded() ? 1 : 0;
        totals_.refused += one.replies().status() >= 400 ? 1 : 0;
        totals_.closed += one.replies().close() ? 1 : 0;
        totals_.whole += one.script().valid && !one.slow() && one.fault().empty() ? 1 : 0;
        totals_.slow += one.slow() ? 1 : 0;
        if (showing_ && one.fault().empty()) {
            say(one.outcome());
        }
        if (!one.fault().empty() && ++totals_.failed <= most_told) {
            say("fault seed " + std::to_string(one.script().seed) + ": " + one.outcome());
        }
    }

    // The gateway has to let go of each of them.
    void await_backends() {
        const std::int64_t until = now_ms() + front_.patience;
        while (backends_.open() > healthy_.size() && now_ms() < until) {
            turn();
        }
        if (backends_.open() > healthy_.size()) {
            ++totals_.failed;
            say("fault " + std::to_string(backends_.open() - healthy_.size()) +
                " connections to backends were left open");
        }
    }

    void tell() {
        std::uint64_t echoed = 0;
        for (const auto &session : healthy_) {
            echoed += session->echoed();
        }
        std::ostringstream line;
        line << "done conversations=" << totals_.conversations << " upgraded=" << totals_.upgraded
             << " refused=" << totals_.refused << " closed=" << totals_.closed
             << " whole=" << totals_.whole << " slow=" << totals_.slow
             << " failed=" << totals_.failed << " dialled=" << backends_.accepted()
             << " healthy_bytes=" << echoed;
        say(line.str());
    }

    static void show(std::uint64_t seed);

    Loop loop_;
    Backends backends_;
    Commands commands_;
    Front front_ = {};
    std::vector<std::unique_ptr<Healthy>> healthy_;
    std::vector<std::unique_ptr<Client>> clients_;
    Totals totals_;
    std::int64_t ticked_at_ = 0;
    bool healthy_failed_ = false;
    bool showing_ = false;
};

[[nodiscard]] std::string printable(std::string_view bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string all;
    for (const char byte : bytes) {
        const auto value = static_cast<std::uint8_t>(byte);
        if (value >= ' ' && value < 0x7f && value != '\\') {
            all += byte;
        } else {
            all += {'\\', 'x', digits[value >> 4U], digits[value & 15U]};
        }
    }
    return all;
}

void Program::show(std::uint64_t seed) {
    static constexpr const char *kinds[] = {"send",       "pause",        "await answer",
                                            "await echo", "stop reading", "read on"};
    static constexpr const char *ends[] = {"wait", "half", "cut", "reset"};
    const Script script = make_script(seed);
    std::printf("place %s%.*s%s%s, TLS plan %u at record %zu, segment %zu, end %s\n",
                script.hasty ? "/hasty/" : "/calm/", static_cast<int>(script.place->name.size()),
                script.place->name.data(), script.tls ? ", TLS" : "", script.valid ? ", valid" : "",
                static_cast<unsigned>(script.tls_plan.kind), script.tls_plan.record, script.segment,
                ends[static_cast<std::size_t>(script.end)]);
    std::size_t at = 0;
    for (const Step &step : script.steps) {
        std::printf("%s %zu\n", kinds[static_cast<std::size_t>(step.kind)], step.number);
        if (step.kind == Step::Kind::send) {
            std::printf("    %s\n", printable(script.bytes.substr(at, step.number)).c_str());
            at += step.number;
        }
    }
}

}  // namespace

int main() {
    std::signal(SIGPIPE, SIG_IGN);
    Program program;
    program.obey();
}

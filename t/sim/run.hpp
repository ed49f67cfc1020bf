// One simulated session: a client, a backend, and the relay of the module between them.
#pragma once

#include "t/sim/backend.hpp"
#include "t/sim/client.hpp"
#include "t/sim/connection.hpp"
#include "t/sim/lender.hpp"

namespace sim {

// Why the session ended.
enum class Cause {
    client_closed,
    rule_broken,
    client_vanished,
    backend_ended,
    backend_vanished,
    no_text,
    no_receipt,  // the client closed, and what it had sent was not acknowledged
    timeout,
    no_memory,
    stopped,
};
inline constexpr std::size_t causes = 10;

struct Settings {
    explicit Settings(Random &random);

    bool text = false;
    bool compression = false;
    bool poor = false;     // memory is refused now and then
    bool patient = false;  // no timeout is so short that a healthy peer meets it
    bool stops = false;    // the worker is told to stop in the middle
    ws::DeflateParameters agreed;
    ws::RelayOptions relay;
    std::size_t scratch = 0;
};

class Run {
public:
    explicit Run(std::uint64_t seed);

    void run();

    [[nodiscard]] Cause cause() const;
    [[nodiscard]] std::size_t bytes_moved() const {
        return backend_.received().size() + client_.received().size();
    }

private:
    [[nodiscard]] ws::Facts facts() const { return relay_.facts(clock_.now); }
    void turn();
    void wake_relay();
    void let_time_pass();
    bool tick();
    [[nodiscard]] std::array<Pipe *, 4> pipes() {
        return {&client_to_relay_, &relay_to_client_, &backend_to_relay_, &relay_to_backend_};
    }
    void check_invariants();
    void check_phase();
    void check_receipts();
    void check();
    [[nodiscard]] bool was_normal() const;
    [[nodiscard]] bool was_cut_short() const;
    void check_all_for_client(std::string_view all);
    void check_all_for_backend();
    void check_prefix_for_backend();
    void check_prefix_for_client();
    void check_undelivered();
    void check_close(ws::CloseCode code);
    [[nodiscard]] bool over() const;
    [[nodiscard]] Path path();
    [[nodiscard]] std::string_view whole_text() const;

    Random random_;
    Judge judge_;
    Clock clock_;
    Settings settings_;
    Worker worker_;
    Pipe client_to_relay_;
    Pipe relay_to_client_;
    Pipe backend_to_relay_;
    Pipe relay_to_backend_;
    Client client_;
    Backend backend_;
    Zlib zlib_;
    ws::Compression compression_;
    ws::Session session_;
    House house_;
    Connection client_side_;
    Connection backend_side_;
    ws::Translator pass_;
    ws::CopyingTranslator rooms_;
    ws::Relay relay_;
    ws::Phase phase_ = ws::Phase::connecting;
    std::uint64_t acknowledged_ = 0;
    std::uint64_t stop_at_ = UINT64_MAX;
    unsigned quiet_turns_ = 0;
    bool relay_over_ = false;
    bool stopped_ = false;
    bool was_stuck_ = false;  // the backend did not take what it was given
};

}  // namespace sim

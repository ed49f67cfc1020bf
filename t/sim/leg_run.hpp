// One simulated session that outlives its legs: a client that is cut and comes back, a service that
// knows nothing of it, and the relay between them.
#pragma once

#include <memory>
#include <vector>

#include "t/sim/connection.hpp"
#include "t/sim/leg_client.hpp"

namespace sim {

// Lends the blocks of a replay, and refuses them now and then where memory is short.
class Blocks final : public ws::ReplayLender {
public:
    Blocks(Random &random, bool poor) : random_(random), poor_(poor) {}

    [[nodiscard]] ws::ReplayBlock *lend_block(std::size_t wanted) noexcept override;
    void give_back(ws::ReplayBlock *block) noexcept override;
    [[nodiscard]] std::size_t lent() const { return lent_; }

private:
    Random &random_;
    bool poor_;
    std::size_t lent_ = 0;
};

struct LegSettings {
    explicit LegSettings(Random &random);

    bool poor;
    bool service_resets;
    bool service_ends;  // by itself, and not once the client has ended
    std::size_t scratch;
    ws::RelayOptions relay;
    ws::ResumeTerms terms;
};

class LegRun {
public:
    explicit LegRun(std::uint64_t seed);

    void run();
    [[nodiscard]] std::size_t legs() const { return lines_.size(); }
    [[nodiscard]] std::size_t bytes_moved() const { return received_.size() + client_.received(); }

private:
    // One connection of the client.
    struct Line {
        Line(LegRun &run, const Path &up_path, const Path &down_path);
        Pipe up;
        Pipe down;
        Connection side;
        House house;
    };

    [[nodiscard]] Path path();
    void begin_line();
    void turn();
    void serve();
    void wake_relay();
    void end_relay();
    void leave_line();
    void come_back();
    void attach(ws::SidMatch match);
    void let_time_pass();
    [[nodiscard]] bool tick();
    [[nodiscard]] std::vector<Pipe *> pipes();
    [[nodiscard]] std::uint64_t done();
    [[nodiscard]] bool over() const;
    void check_always();
    void check_end();
    [[nodiscard]] std::string_view offered() const { return offered_; }

    Random random_;
    Judge judge_;
    Clock clock_;
    LegSettings settings_;
    Worker worker_;
    std::string up_;
    std::string down_;
    Pipe from_service_;
    Pipe to_service_;
    LegClient client_;
    Blocks blocks_;
    House keeper_;
    Connection service_side_;
    ws::Session session_;
    ws::Sids sids_;
    std::string sid_;
    std::string offered_;
    ws::ResumeTranslator translator_;
    std::vector<std::unique_ptr<Line>> lines_;
    Line *line_ = nullptr;  // the relay's
    std::unique_ptr<ws::Relay> relay_;
    std::string received_;  // by the service
    std::uint64_t said_ = 0;
    std::uint64_t return_at_ = 0;
    std::uint64_t taken_ = 0;
    unsigned quiet_turns_ = 0;
    bool relay_over_ = false;
    bool unknown_ = false;  // the client came back too late
    bool service_done_ = false;
    bool service_reset_ = false;
};

}  // namespace sim

// What happens to one of the TLS records that a client sends.
#pragma once

#include "t/sim/world.hpp"

#include <cstdint>
#include <string>

namespace hostile {

struct TlsPlan {
    enum class Kind : std::uint8_t {
        none,
        flip,           // a bit of it
        drop,           // all of it
        twice,          // it comes two times
        truncate,       // its end is missing, and the next one follows
        insert,         // bytes at random stand before it
        insert_record,  // a record of some kind that is not encrypted stands before it
        longer,         // its header claims more than may be
        shorter,        // its header claims less than there is
        cut,            // nothing comes behind the middle of it
        count,
    };
    Kind kind = Kind::none;
    std::size_t record = 0;  // its number, those of the TLS handshake included
    std::uint64_t seed = 0;  // of what else is left to chance
    bool version_1_2 = false;
    bool resumes = false;
    bool renews_keys = false;    // before each write
    bool says_goodbye = false;   // a close_notify before the end
    bool early_goodbye = false;  // or in the middle, and data goes on behind it

    // All that is sent arrives.
    [[nodiscard]] bool leaves_records() const { return kind == Kind::none && !early_goodbye; }
};

[[nodiscard]] TlsPlan make_tls_plan(sim::Random &random, bool valid);

// Takes apart what a TLS library writes, and does to it what the plan says.
class RecordBreaker {
public:
    explicit RecordBreaker(const TlsPlan &plan) : plan_(plan), random_(plan.seed) {}

    // Whole records, appended to `out` as they shall go over the wire.
    void take(std::string_view records, std::string &out);

private:
    void spoil(std::string record, std::string &out);
    [[nodiscard]] std::string unencrypted_record();

    TlsPlan plan_;
    sim::Random random_;
    std::size_t seen_ = 0;
    bool cut_ = false;
};

}  // namespace hostile

// Frames of a client: messages that keep to the rules, and ways to break them.
#pragma once

#include "t/hostile/places.hpp"
#include "t/sim/world.hpp"

#include <string>

namespace hostile {

struct TalkOptions {
    const Place *place;
    bool compressed;  // the offer of compression will be accepted
};

// Messages, pings and pongs, all of them right.
[[nodiscard]] std::string right_frames(sim::Random &random, const TalkOptions &options);

// Frames that break a rule, or strain one.
[[nodiscard]] std::string wrong_frames(sim::Random &random, const TalkOptions &options);

// A Close with a code that a client may choose, or with none.
[[nodiscard]] std::string close_frame(sim::Random &random);

}  // namespace hostile

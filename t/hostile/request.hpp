// Upgrade requests as clients make them, and as none should.
#pragma once

#include "t/hostile/places.hpp"
#include "t/sim/world.hpp"

#include <string>

namespace hostile {

struct Request {
    std::string text;
    bool offers_deflate = false;
};

[[nodiscard]] Request right_request(sim::Random &random, const Place &place, bool hasty);

// One that a server has to refuse, or that comes behind others, or is no HTTP at all.
[[nodiscard]] std::string wrong_request(sim::Random &random, const Place &place, bool hasty);

// Changes some bytes: flips, cuts, doubles, moves them, or puts others in between.
void spoil(sim::Random &random, std::string &bytes);

}  // namespace hostile

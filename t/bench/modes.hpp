// What the load generator can do. Each mode ends the program if anything is not as it must be.
#pragma once

#include "t/bench/load_run.hpp"

namespace bench {

// Keeps up to `depth` messages a connection under way to an echo; work in messages. With a depth of
// one the round trips are timed.
void run_echo(const Options &options, Result &result);

// Work in payload bytes: those that a sink has read, or those that a source's client has read.
void run_upload(const Options &options, Result &result);
void run_download(const Options &options, Result &result);

// Opens and closes, `connections` at a time; work in sessions.
void run_connects(const Options &options, Result &result);

// Memory of the server for each connection: opened only, and after one message was echoed.
void run_idle(const Options &options, Result &result);

// Bytes a connection that were taken from the sender and are neither in its kernel nor in that of
// the receiver, who reads nothing.
void run_stalled_upload(const Options &options, Result &result);
void run_stalled_download(const Options &options, Result &result);

}  // namespace bench

// By which names a SID leads to this process, and where its secrets come from.
#pragma once

#include "module/ngx.hpp"

#include "ngx_ws_filter/ws_resume/sid.hpp"

namespace ngx_ws {

// ws_resume_node.
[[nodiscard]] std::string_view node_name() noexcept;
// Random, and not 0 once a secret was made.
[[nodiscard]] uint64_t worker_number() noexcept;

// False if there is no randomness.
[[nodiscard]] bool make_secret(ws::SidSecret &secret) noexcept;

}  // namespace ngx_ws

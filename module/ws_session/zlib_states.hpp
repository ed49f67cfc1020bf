// The worker's states of zlib: borrowed for as long as a session needs one, mapped when none is
// spare, and given back.
#pragma once

#include "module/ngx.hpp"

#include "ngx_ws_filter/ws_compression/deflate.hpp"

namespace ngx_ws {

// Ready to use but not reset; null if there is no memory.
[[nodiscard]] ws::Inflater *take_inflater(unsigned bits) noexcept;
[[nodiscard]] ws::Deflater *take_deflater(const ws::DeflateSettings &settings) noexcept;

void give_back(ws::Inflater *inflater) noexcept;
void give_back(ws::Deflater *deflater) noexcept;

// Bytes that one of them takes.
[[nodiscard]] size_t inflater_size(unsigned bits) noexcept;
[[nodiscard]] size_t deflater_size(const ws::DeflateSettings &settings) noexcept;

}  // namespace ngx_ws

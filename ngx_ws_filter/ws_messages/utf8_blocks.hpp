// UTF-8 by whole blocks, on processors with wide vectors. RFC 3629, section 4.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ws {

// How many bytes at the beginning of `text` were seen to be whole code points; `text` begins
// between two of them. Of a valid text that is at most 3 bytes less than all, of another it ends
// shortly before the first impossible byte: what is left has to be judged one byte after the other.
// 0 if the text is short, or the processor has no AVX2.
[[nodiscard]] std::size_t whole_code_points(const std::uint8_t *text, std::size_t size) noexcept;

}  // namespace ws

// The reason of a Close that is no receipt: how much did not arrive, and why.
#pragma once

#include "ngx_ws_filter/ws_frames/frame.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace ws {

class Undelivered {
public:
    // `exact`: no fewer bytes than these are missing. `why`: ASCII, cut to max_close_reason with
    // what stands before it.
    Undelivered(std::uint64_t bytes, bool exact, std::string_view why) noexcept {
        if (bytes != 0) {
            add(exact ? "" : "at most ");
            end_ = std::to_chars(end_, text_.data() + text_.size(), bytes).ptr;
            add(" bytes undelivered, ");
        }
        add(why);
    }

    // In the object.
    [[nodiscard]] std::string_view text() const noexcept {
        return {text_.data(), static_cast<std::size_t>(end_ - text_.data())};
    }

private:
    void add(std::string_view words) noexcept {
        const auto left = static_cast<std::size_t>(text_.data() + text_.size() - end_);
        end_ = std::copy_n(words.begin(), std::min(words.size(), left), end_);
    }

    std::array<char, max_close_reason> text_;
    char *end_ = text_.data();
};

}  // namespace ws

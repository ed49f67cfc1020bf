// The live page of ws_status, and what it loads: files of page/, which are part of the module.
#pragma once

#include <optional>
#include <string_view>

namespace ngx_ws {

struct PageFile {
    std::string_view type;  // Content-Type
    std::string_view content;
};

// By its name; nothing if there is none.
[[nodiscard]] std::optional<PageFile> find_page_file(std::string_view name) noexcept;

}  // namespace ngx_ws

#include "ngx_ws_filter/ws_resume/resume_names.hpp"

#include "ngx_ws_filter/ws_handshake/field.hpp"

namespace ws {
namespace {

[[nodiscard]] ResumeName name_of(std::string_view offer) noexcept {
    for (const ResumeName name : {ResumeName::own, ResumeName::ssh, ResumeName::cloudproxy}) {
        if (offer == text(name)) {
            return name;
        }
    }
    return ResumeName::none;
}

}  // namespace

void ResumeChoice::offer(std::string_view field_value) noexcept {
    ListReader offers(field_value);
    for (std::string_view offer; offers.next(offer);) {
        const ResumeName name = name_of(offer);
        if (takes(name)) {
            chosen_ = name;
        }
    }
}

bool ResumeChoice::takes(ResumeName name) const noexcept {
    return name == ResumeName::own || (chosen_ == ResumeName::none && is_v4(name) && takes_v4_);
}

}  // namespace ws

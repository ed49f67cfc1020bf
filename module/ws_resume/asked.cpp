#include "module/ws_resume/asked.hpp"

namespace ngx_ws {

Asked *Asked::read(ngx_http_request_t *r, ws::ResumeName name) noexcept {
    auto *asked = ngx::make<Asked>(r->pool);
    if (asked != nullptr) {
        asked->name = name;
        asked->request = ws::read_resume_request(ngx::view(r->args), asked->room);
    }
    return asked;
}

}  // namespace ngx_ws

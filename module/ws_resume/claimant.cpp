#include "module/ws_resume/claimant.hpp"

#include "module/ws_requests/context.hpp"
#include "module/ws_resume/admission.hpp"
#include "module/ws_resume/asked.hpp"
#include "module/ws_upgrade/expiry.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace ngx_ws {

namespace {

struct Header {
    uint32_t version;
    uint8_t name;
    uint8_t has_ack;
    uint16_t sid;  // sizes of the texts, which follow in this order
    uint16_t server;
    uint16_t location;
    uint16_t bound;
    uint64_t ack;
    uint64_t time_left;
};

std::string_view cut(std::span<const uint8_t> &rest, size_t size) noexcept {
    const std::string_view text{reinterpret_cast<const char *>(rest.data()), size};
    rest = rest.subspan(size);
    return text;
}

}  // namespace

bool read_claimant(ngx_http_request_t *r, const Context &ctx, Claimant &claimant) noexcept {
    ngx_str_t bound;
    if (!read_bound(r, r->pool, bound)) {
        return false;
    }
    const Asked &asked = *ctx.asked;
    claimant = {.name = asked.name,
                .has_ack = asked.request.has_ack,
                .ack = asked.request.ack,
                .sid = asked.request.sid,
                .server = ngx::view(ngx::core_server(r).server_name),
                .location = ngx::view(ngx::core_location(r).name),
                .bound = ngx::view(bound),
                .time_left = time_left(r, ctx)};
    return true;
}

size_t write_claim(const Claimant &claimant, std::span<uint8_t> to) noexcept {
    const std::array texts = {claimant.sid, claimant.server, claimant.location, claimant.bound};
    size_t size = sizeof(Header);
    for (const std::string_view text : texts) {
        if (text.size() > to.size() - size) {
            return 0;
        }
        size += text.size();
    }
    const Header header = {.version = claim_version,
                           .name = static_cast<uint8_t>(claimant.name),
                           .has_ack = claimant.has_ack,
                           .sid = static_cast<uint16_t>(claimant.sid.size()),
                           .server = static_cast<uint16_t>(claimant.server.size()),
                           .location = static_cast<uint16_t>(claimant.location.size()),
                           .bound = static_cast<uint16_t>(claimant.bound.size()),
                           .ack = claimant.ack,
                           .time_left = claimant.time_left};
    std::memcpy(to.data(), &header, sizeof(header));
    uint8_t *end = to.data() + sizeof(header);
    for (const std::string_view text : texts) {
        end = std::copy(text.begin(), text.end(), end);
    }
    return size;
}

ClaimCame read_claim(std::span<const uint8_t> bytes, Claimant &claimant) noexcept {
    Header header;
    if (bytes.size() < sizeof(header)) {
        return ClaimCame::not_yet;
    }
    std::memcpy(&header, bytes.data(), sizeof(header));
    const size_t texts = size_t{header.sid} + header.server + header.location + header.bound;
    if (header.version != claim_version || texts > max_claim_message - sizeof(header) ||
        header.name > static_cast<uint8_t>(ws::ResumeName::cloudproxy)) {
        return ClaimCame::broken;
    }
    std::span<const uint8_t> rest = bytes.subspan(sizeof(header));
    if (rest.size() < texts) {
        return ClaimCame::not_yet;
    }
    claimant.name = static_cast<ws::ResumeName>(header.name);
    claimant.has_ack = header.has_ack != 0;
    claimant.ack = header.ack;
    claimant.time_left = header.time_left;
    claimant.sid = cut(rest, header.sid);
    claimant.server = cut(rest, header.server);
    claimant.location = cut(rest, header.location);
    claimant.bound = cut(rest, header.bound);
    return rest.empty() ? ClaimCame::whole : ClaimCame::broken;
}

}  // namespace ngx_ws

// permessage-deflate of one connection: what was agreed, the states of zlib that it holds, and
// received bytes that cannot be inflated yet.
#pragma once

#include "module/ngx_http_ws_buffers.hpp"
#include "module/ngx_http_ws_deflate_conf.hpp"

#include "ngx_ws_filter/compression.hpp"

namespace ngx_ws {

// Made in the request's pool, and released with it at the latest.
class Deflation {
public:
    // Null if the location or the client does not want compression, or if the worker has promised
    // all of ws_deflate_memory: who is promised memory finds it when it is needed.
    [[nodiscard]] static Deflation *negotiate(ngx_http_request_t *r) noexcept;

    Deflation(const ws::DeflateNegotiation &negotiation, const DeflateConf &conf) noexcept;

    // The value of Sec-WebSocket-Extensions.
    [[nodiscard]] std::string_view answer() const noexcept { return {answer_, answer_size_}; }
    [[nodiscard]] ws::Compression &compression() noexcept { return compression_; }

    // Around each use of the session: what it does not keep goes back to the worker. Without memory
    // for an inflater nothing can be received; without a deflater messages go out as they are.
    [[nodiscard]] bool lend_inflater() noexcept;
    void lend_deflater() noexcept;
    void take_back() noexcept;

    // Received bytes that wait for the backend to take what was inflated before them. Nothing is
    // received while there are any.
    [[nodiscard]] bool has_rest() const noexcept { return !rest_.empty(); }
    [[nodiscard]] std::span<uint8_t> rest() const noexcept { return rest_; }
    // Copied, unless they are the end of the rest that there was. False if there is no memory.
    [[nodiscard]] bool set_rest(std::span<uint8_t> bytes) noexcept;
    // The same for bytes that stay where they are as long as the request.
    void point_to_rest(std::span<uint8_t> bytes) noexcept { rest_ = bytes; }

    void release() noexcept;

private:
    [[nodiscard]] size_t most_memory() const noexcept;
    void drop_rest() noexcept;

    ws::Compression compression_;
    ws::DeflateSettings settings_;
    ws::Inflater *inflater_ = nullptr;
    ws::Deflater *deflater_ = nullptr;
    std::span<uint8_t> rest_;
    HeldBuffer *rest_buffer_ = nullptr;  // what rest_ is a part of, unless it was pointed to
    size_t promised_ = 0;
    char answer_[ws::DeflateNegotiation::max_answer_size];
    size_t answer_size_;
};

}  // namespace ngx_ws

// permessage-deflate of one connection: what was agreed, and the states of zlib that it holds.
#pragma once

#include "module/ws_settings/deflate_conf.hpp"

#include "ngx_ws_filter/ws_compression/compression.hpp"
#include "ngx_ws_filter/ws_handshake/upgrade_request.hpp"

namespace ngx_ws {

// Made in the request's pool, and released with it at the latest.
class Deflation {
public:
    // For a location that wants compression. Null if the client does not, or if the worker has
    // promised all of ws_deflate_memory: who is promised memory finds it when it is needed.
    [[nodiscard]] static Deflation *negotiate(ngx_http_request_t *r,
                                              const ws::UpgradeRequest &request) noexcept;

    Deflation(const ws::DeflateNegotiation &negotiation, const DeflateConf &conf) noexcept;

    // The value of Sec-WebSocket-Extensions.
    [[nodiscard]] std::string_view answer() const noexcept { return {answer_, answer_size_}; }
    [[nodiscard]] ws::Compression &compression() noexcept { return compression_; }

    // Around each use of the session: what it does not keep goes back to the worker. Without memory
    // for an inflater nothing can be received; without a deflater messages go out as they are.
    [[nodiscard]] bool lend_inflater() noexcept;
    void lend_deflater() noexcept;
    void take_back() noexcept;

    void release() noexcept;

private:
    [[nodiscard]] size_t most_memory() const noexcept;

    ws::Compression compression_;
    ws::DeflateSettings settings_;
    ws::Inflater *inflater_ = nullptr;
    ws::Deflater *deflater_ = nullptr;
    size_t promised_ = 0;
    char answer_[ws::DeflateNegotiation::max_answer_size];
    size_t answer_size_;
};

}  // namespace ngx_ws

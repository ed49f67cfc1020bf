// What a worker lends to one session while it translates: zlib's states, and memory for a message
// that has to be whole.
#pragma once

#include "module/ws_session/deflate.hpp"
#include "module/ws_session/framing.hpp"

#include "ngx_ws_filter/ws_relay/translator.hpp"

namespace ngx_ws {

// Either may be null, for a session without.
class Lending final : public ws::Lender {
public:
    Lending(Deflation *deflation, Framing *framing) noexcept
        : deflation_(deflation), framing_(framing) {}

    [[nodiscard]] ws::Compression *compression() const noexcept {
        return deflation_ == nullptr ? nullptr : &deflation_->compression();
    }
    [[nodiscard]] ws::Framer *framer() const noexcept {
        return framing_ == nullptr ? nullptr : &framing_->framer();
    }
    [[nodiscard]] bool lends() const noexcept {
        return deflation_ != nullptr || framing_ != nullptr;
    }

    [[nodiscard]] bool lend_inflater() noexcept override {
        return deflation_ == nullptr || deflation_->lend_inflater();
    }
    void lend_deflater() noexcept override {
        if (deflation_ != nullptr) {
            deflation_->lend_deflater();
        }
    }
    [[nodiscard]] bool lend_memory() noexcept override {
        return framing_ != nullptr && framing_->lend();
    }
    void take_back() noexcept override {
        if (deflation_ != nullptr) {
            deflation_->take_back();
        }
        if (framing_ != nullptr) {
            framing_->take_back();
        }
    }

    // The session is over.
    void release() noexcept {
        if (deflation_ != nullptr) {
            deflation_->release();
        }
        if (framing_ != nullptr) {
            framing_->release();
        }
    }

private:
    Deflation *deflation_;
    Framing *framing_;
};

}  // namespace ngx_ws

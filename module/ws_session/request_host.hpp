// A raw session, all in its one request: nginx's events go to its relay, and what the relay needs
// of nginx comes from here.
#pragma once

#include "module/ws_session/drain.hpp"
#include "module/ws_session/leg.hpp"
#include "module/ws_session/worker_host.hpp"
#include "module/ws_steering/steered.hpp"

#include <optional>
#include <variant>

namespace ngx_ws {

class RequestHost final : public Leg, private WorkerHost, private Drainable, private Steered {
public:
    // In the request's pool; null if there is no memory.
    [[nodiscard]] static RequestHost *make(ngx_http_request_t *r, Context &ctx) noexcept;
    RequestHost(ngx_http_request_t *r, Context &ctx, const Lending &lending,
                ws::Session &session) noexcept;

    [[nodiscard]] ngx_int_t enter() noexcept override;
    void start() noexcept override;
    [[nodiscard]] ws::Facts facts() const noexcept override {
        return relay_->facts(ngx_current_msec);
    }
    void turn() noexcept override;
    void release() noexcept override;
    [[nodiscard]] Connection &backend() noexcept { return backend_.endpoint(); }

private:
    [[nodiscard]] ws::Answer send_answer() noexcept override { return Leg::send_answer(); }
    void come_back() noexcept override { Leg::come_back(); }
    void report() noexcept override { WorkerHost::report(facts(), *relay_); }
    [[nodiscard]] ngx_log_t *log() const noexcept override { return request()->connection->log; }
    [[nodiscard]] ngx_msec_t drain_time() const noexcept override {
        return conf().times.drain_time;
    }
    [[nodiscard]] ngx_msec_t moved_at() const noexcept override {
        return relay_->tunnel().moved_at();
    }
    void drain(std::string_view why) noexcept override {
        end_for(ws::CloseCode::service_restart, why);
    }
    bool end_now(ws::CloseCode code, std::string_view why) noexcept override;
    // `why` lasts as long as the request.
    void end_for(ws::CloseCode code, std::string_view why) noexcept;

    void begin_session() noexcept;
    [[nodiscard]] ws::Translator &choose_translator() noexcept;

    ws::Session *session_;
    EndpointPlace backend_;
    Lending lending_;
    std::variant<ws::Translator, ws::CopyingTranslator> translator_;
    std::optional<ws::Relay> relay_;  // once both connections stand
};

}  // namespace ngx_ws

#include "module/ws_settings/commands.hpp"

#include "module/ws_settings/setters.hpp"
#include "module/ws_settings/ssl.hpp"
#include "module/ws_settings/status_conf.hpp"
#include "module/ws_settings/subprotocols.hpp"

namespace ngx_ws {

namespace {

// `conf` and `prev` are a LocConf or a MainConf.
using Inherit = bool (*)(ngx_conf_t *cf, const Directive &directive, void *conf, void *prev);

struct Behaviour {
    ngx_uint_t arguments;
    char *(*set)(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
    void (*unset)(void *field);
    Inherit inherit;
};

template <typename T>
T &field(void *conf, const Directive &directive) noexcept {
    return *reinterpret_cast<T *>(static_cast<char *>(conf) + directive.field);
}

// What nginx has in a field that no directive has set: -1, also as a pointer.
template <typename T>
T nothing() noexcept {
    if constexpr (std::is_pointer_v<T>) {
        return static_cast<T>(NGX_CONF_UNSET_PTR);
    } else {
        return static_cast<T>(NGX_CONF_UNSET);
    }
}

template <typename T>
T initial(const Directive &directive) noexcept {
    if constexpr (std::is_pointer_v<T>) {
        return nullptr;
    } else {
        return static_cast<T>(directive.initial.number);
    }
}

template <typename T>
void unset_plain(void *field) noexcept {
    *static_cast<T *>(field) = nothing<T>();
}

template <typename T>
bool inherit_plain(ngx_conf_t *, const Directive &directive, void *conf, void *prev) noexcept {
    T &own = field<T>(conf, directive);
    const T above = field<T>(prev, directive);
    if (own == nothing<T>()) {
        own = above == nothing<T>() ? initial<T>(directive) : above;
    }
    return true;
}

template <typename T>
constexpr Behaviour plain(ngx_uint_t arguments, decltype(Behaviour::set) set) noexcept {
    return {arguments, set, unset_plain<T>, inherit_plain<T>};
}

// What these begin with, zeros, is unset.
void leave(void *) noexcept {
}

bool inherit_words(ngx_conf_t *, const Directive &directive, void *conf, void *prev) noexcept {
    auto &own = field<ngx_uint_t>(conf, directive);
    const ngx_uint_t above = field<ngx_uint_t>(prev, directive);
    if (own == 0) {
        own = above == 0 ? directive.initial.number : above;
    }
    return true;
}

bool inherit_text(ngx_conf_t *, const Directive &directive, void *conf, void *prev) noexcept {
    auto &own = field<ngx_str_t>(conf, directive);
    const ngx_str_t &above = field<ngx_str_t>(prev, directive);
    if (own.data == nullptr) {
        own = above.data == nullptr ? ngx::str(directive.initial.text) : above;
    }
    return true;
}

void unset_choice(void *field) noexcept {
    static_cast<Choice *>(field)->unset();
}

bool inherit_choice(ngx_conf_t *, const Directive &directive, void *conf, void *prev) noexcept {
    field<Choice>(conf, directive).merge(field<Choice>(prev, directive), directive.initial.number);
    return true;
}

void unset_window(void *field) noexcept {
    static_cast<WindowConf *>(field)->unset();
}

bool inherit_window(ngx_conf_t *, const Directive &directive, void *conf, void *prev) noexcept {
    const WindowConf follows = {.size = 0, .most = directive.initial.number};
    field<WindowConf>(conf, directive).merge(field<WindowConf>(prev, directive), follows);
    return true;
}

void unset_limit(void *field) noexcept {
    static_cast<SessionLimit *>(field)->most = NGX_CONF_UNSET_UINT;
}

bool inherit_limit(ngx_conf_t *, const Directive &directive, void *conf, void *prev) noexcept {
    auto &own = field<SessionLimit>(conf, directive);
    if (own.most == NGX_CONF_UNSET_UINT) {
        own = field<SessionLimit>(prev, directive);
    }
    if (own.most == NGX_CONF_UNSET_UINT) {
        own = {};
    }
    return true;
}

bool inherit_nothing(ngx_conf_t *, const Directive &, void *, void *) noexcept {
    return true;
}

bool inherit_origin(ngx_conf_t *cf, const Directive &, void *conf, void *prev) noexcept {
    return merge_origin_rules(cf, *static_cast<LocConf *>(conf), *static_cast<LocConf *>(prev));
}

bool inherit_subprotocol(ngx_conf_t *cf, const Directive &, void *conf, void *prev) noexcept {
    return merge_subprotocols(cf, *static_cast<LocConf *>(conf), *static_cast<LocConf *>(prev));
}

bool inherit_framing(ngx_conf_t *, const Directive &directive, void *conf, void *prev) noexcept {
    field<FramingConf>(conf, directive).merge(field<FramingConf>(prev, directive));
    return true;
}

// What is not set depends on the framing, and stays so for the locations inside.
bool inherit_max_message_size(ngx_conf_t *, const Directive &directive, void *conf,
                              void *prev) noexcept {
    auto &own = field<size_t>(conf, directive);
    if (own == NGX_CONF_UNSET_SIZE) {
        own = field<size_t>(prev, directive);
    }
    return true;
}

#if (NGX_HTTP_SSL)
constexpr Behaviour ssl_behaviour(Kind kind) noexcept {
    return kind == Kind::ssl_password_file
               ? plain<ngx_array_t *>(NGX_CONF_TAKE1, ngx_http_ws_set_ssl_password_file)
               : plain<ngx_array_t *>(NGX_CONF_TAKE2, ngx_http_ws_set_ssl_conf_command);
}
#else
constexpr Behaviour ssl_behaviour(Kind) noexcept {
    return {};
}
#endif

constexpr Behaviour status_behaviour(Kind kind) noexcept {
    if (kind == Kind::zone) {
        return {NGX_CONF_TAKE1, ngx_http_ws_set_zone, leave, inherit_nothing};
    }
    return {NGX_CONF_NOARGS,
            kind == Kind::status ? ngx_http_ws_set_status : ngx_http_ws_set_control, leave,
            inherit_nothing};
}

constexpr Behaviour behaviour(Kind kind) noexcept {
    using ValuePtr = ngx_http_complex_value_t *;
    switch (kind) {
        case Kind::flag:
            return plain<ngx_flag_t>(NGX_CONF_FLAG, ngx_http_ws_set_flag);
        case Kind::flag_or_variable:
            return {NGX_CONF_TAKE1, ngx_http_ws_choose_flag, unset_choice, inherit_choice};
        case Kind::word:
            return plain<ngx_uint_t>(NGX_CONF_TAKE1, ngx_http_ws_set_word);
        case Kind::word_or_variable:
            return {NGX_CONF_TAKE1, ngx_http_ws_choose_word, unset_choice, inherit_choice};
        case Kind::words:
            return {NGX_CONF_1MORE, ngx_http_ws_set_words, leave, inherit_words};
        case Kind::number:
            return plain<ngx_int_t>(NGX_CONF_TAKE1, ngx_http_ws_set_number);
        case Kind::size:
            return plain<size_t>(NGX_CONF_TAKE1, ngx_http_ws_set_size);
        case Kind::window:
            return {NGX_CONF_TAKE12, ngx_http_ws_set_window, unset_window, inherit_window};
        case Kind::time:
            return plain<ngx_msec_t>(NGX_CONF_TAKE1, ngx_http_ws_set_time);
        case Kind::time_or_never:
            return plain<ngx_msec_t>(NGX_CONF_TAKE1, ngx_http_ws_set_time_or_never);
        case Kind::text:
            return {NGX_CONF_TAKE1, ngx_http_ws_set_text, leave, inherit_text};
        case Kind::value:
            return plain<ValuePtr>(NGX_CONF_TAKE1, ngx_http_set_complex_value_slot);
        case Kind::size_value:
            return plain<ValuePtr>(NGX_CONF_TAKE1, ngx_http_ws_set_size_value);
        case Kind::value_or_nothing:
            return plain<ValuePtr>(NGX_CONF_TAKE1, ngx_http_set_complex_value_zero_slot);
        case Kind::pass:
            return {NGX_CONF_TAKE1, ngx_http_ws_set_pass, leave, inherit_nothing};
        case Kind::origin:
            return {NGX_CONF_1MORE, ngx_http_ws_set_origin, leave, inherit_origin};
        case Kind::subprotocol:
            return {NGX_CONF_1MORE, ngx_http_ws_set_subprotocol, leave, inherit_subprotocol};
        case Kind::framing:
            return {NGX_CONF_1MORE, ngx_http_ws_set_framing, leave, inherit_framing};
        case Kind::max_message_size:
            return {NGX_CONF_TAKE1, ngx_http_ws_set_size, unset_plain<size_t>,
                    inherit_max_message_size};
        case Kind::bind:
            return plain<ngx_http_upstream_local_t *>(NGX_CONF_TAKE12, ngx_http_ws_set_bind);
        case Kind::resume:
            return plain<ngx_uint_t>(NGX_CONF_TAKE12, ngx_http_ws_set_resume);
        case Kind::resume_node:
            return {NGX_CONF_TAKE1, ngx_http_ws_set_resume_node, leave, inherit_text};
        case Kind::limit_sessions:
            return {NGX_CONF_TAKE12, ngx_http_ws_set_limit_sessions, unset_limit, inherit_limit};
        case Kind::ssl_password_file:
        case Kind::ssl_conf_command:
            return ssl_behaviour(kind);
        case Kind::zone:
        case Kind::status:
        case Kind::control:
            return status_behaviour(kind);
    }
    return {};
}

constexpr ngx_uint_t contexts(Place place) noexcept {
    switch (place) {
        case Place::everywhere:
            return NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF;
        case Place::http:
            return NGX_HTTP_MAIN_CONF;
        case Place::location:
            return NGX_HTTP_LOC_CONF | NGX_HTTP_LIF_CONF;
    }
    return 0;
}

constexpr bool is_main(const Directive &directive) noexcept {
    return directive.place == Place::http;
}

// Reads a directive as its kind has it, and notes where a location's stands.
char *set_and_note(ngx_conf_t *cf, ngx_command_t *cmd, void *conf) noexcept {
    const Directive &directive = directive_of(cmd);
    char *answer = behaviour(directive.kind).set(cf, cmd, conf);
    if (answer != NGX_CONF_OK || is_main(directive)) {
        return answer;
    }
    const bool noted = static_cast<LocConf *>(conf)->lines.note(cf, directive.name.view());
    return noted ? NGX_CONF_OK : static_cast<char *>(NGX_CONF_ERROR);
}

constexpr ngx_command_t command(const Directive &directive) noexcept {
    return {
        {directive.name.length, const_cast<u_char *>(directive.name.bytes)},
        contexts(directive.place) | behaviour(directive.kind).arguments,
        set_and_note,
        is_main(directive) ? NGX_HTTP_MAIN_CONF_OFFSET : NGX_HTTP_LOC_CONF_OFFSET,
        directive.field,
        const_cast<Directive *>(&directive),
    };
}

constexpr auto make_commands() noexcept {
    decltype(commands) made = {};
    size_t i = 0;
    for (const Directive &directive : directives) {
        made[i++] = command(directive);
    }
    made[i] = ngx_null_command;
    return made;
}

void unset(void *conf, bool main) noexcept {
    for (const Directive &directive : directives) {
        if (is_main(directive) == main) {
            behaviour(directive.kind).unset(static_cast<char *>(conf) + directive.field);
        }
    }
}

bool inherit(ngx_conf_t *cf, void *conf, void *prev, bool main) noexcept {
    for (const Directive &directive : directives) {
        if (is_main(directive) == main &&
            !behaviour(directive.kind).inherit(cf, directive, conf, prev)) {
            return false;
        }
    }
    return true;
}

}  // namespace

constinit decltype(commands) commands = make_commands();

void unset_main(void *conf) noexcept {
    unset(conf, true);
}

void unset_location(void *conf) noexcept {
    unset(conf, false);
}

bool fill_main(ngx_conf_t *cf, void *conf) noexcept {
    return inherit(cf, conf, conf, true);
}

bool inherit_location(ngx_conf_t *cf, void *conf, void *prev) noexcept {
    return inherit(cf, conf, prev, false);
}

}  // namespace ngx_ws

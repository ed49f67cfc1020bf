#include "module/ws_settings/origin_rules.hpp"

#include "ngx_ws_filter/ws_handshake/field.hpp"

namespace ngx_ws {

namespace {

using Kind = OriginRule::Kind;

struct Word {
    std::string_view name;
    Kind kind;
};

constexpr Word words[] = {
    {"same", Kind::same}, {"missing", Kind::missing}, {"null", Kind::null},
    {"any", Kind::any},   {"none", Kind::none},
};

OriginRule *push(ngx_array_t *rules, Kind kind) noexcept {
    auto *rule = static_cast<OriginRule *>(ngx_array_push(rules));
    return rule == nullptr ? nullptr : new (rule) OriginRule{.kind = kind};
}

#if (NGX_PCRE)
ngx_regex_t *compile(ngx_conf_t *cf, const ngx_str_t &expression) noexcept {
    u_char message[NGX_MAX_CONF_ERRSTR];
    ngx_regex_compile_t compile = {};
    compile.pattern = expression;
    compile.pool = cf->pool;
    compile.options = NGX_REGEX_CASELESS;  // as schemes and hosts are
    compile.err.len = sizeof(message);
    compile.err.data = message;
    if (ngx_regex_compile(&compile) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid expression in \"ws_origin\": %V",
                           &compile.err);
        return nullptr;
    }
    return compile.regex;
}

// Anchored at both ends, so that a rule cannot match in the middle of a foreign origin. It is
// compiled alone first, or ")|(" would be no mistake and lead out of the anchors.
ngx_regex_t *compile_anchored(ngx_conf_t *cf, const ngx_str_t &expression) noexcept {
    constexpr size_t anchors = sizeof("^(?:)\\z") - 1;
    ngx_str_t anchored = {};
    anchored.data = static_cast<u_char *>(ngx_pnalloc(cf->pool, expression.len + anchors));
    if (anchored.data == nullptr || compile(cf, expression) == nullptr) {
        return nullptr;
    }
    anchored.len =
        static_cast<size_t>(ngx_sprintf(anchored.data, "^(?:%V)\\z", &expression) - anchored.data);
    return compile(cf, anchored);
}
#endif

bool add_regex(ngx_conf_t *cf, ngx_array_t *rules, ngx_str_t expression) noexcept {
#if (NGX_PCRE)
    ngx_regex_t *regex = compile_anchored(cf, expression);
    OriginRule *rule = regex == nullptr ? nullptr : push(rules, Kind::regex);
    if (rule != nullptr) {
        rule->regex = regex;
    }
    return rule != nullptr;
#else
    (void)rules;
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "using \"~%V\" in \"ws_origin\" requires PCRE",
                       &expression);
    return false;
#endif
}

bool add_value(ngx_conf_t *cf, ngx_array_t *rules, Kind kind, ngx_str_t text,
               bool subdomains) noexcept {
    auto *value = static_cast<ngx_http_complex_value_t *>(
        ngx_pcalloc(cf->pool, sizeof(ngx_http_complex_value_t)));
    ngx_http_compile_complex_value_t compile = {};
    compile.cf = cf;
    compile.value = &text;
    compile.complex_value = value;
    if (value == nullptr || ngx_http_compile_complex_value(&compile) != NGX_OK) {
        return false;
    }
    OriginRule *rule = push(rules, kind);
    if (rule != nullptr) {
        rule->value = value;
        rule->subdomains = subdomains;
    }
    return rule != nullptr;
}

bool refuse(ngx_conf_t *cf, const ngx_str_t &text) noexcept {
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid origin \"%V\" in \"ws_origin\": expected \"same\", \"missing\", "
                       "\"null\", \"any\", \"none\", scheme://host[:port], "
                       "scheme://*.host[:port], ~regex, or \"=\" and the whole of what a client "
                       "sends",
                       &text);
    return false;
}

// What a client writes may become part of the value: a wildcard is only what stands in the
// configuration, and is cut out of the value here.
bool add_variable(ngx_conf_t *cf, ngx_array_t *rules, const ngx_str_t &text) noexcept {
    constexpr size_t wildcard = ws::OriginPattern::wildcard_size;
    const size_t at = ws::OriginPattern::find_wildcard(ngx::view(text));
    const bool subdomains = at != std::string_view::npos;
    ngx_str_t value = subdomains ? ngx::copy(cf->pool, ngx::view(text)) : text;
    if (value.data == nullptr) {
        return false;
    }
    if (subdomains) {
        value.len -= wildcard;
        ngx_memmove(value.data + at, value.data + at + wildcard, value.len - at);
    }
    const std::string_view origin = ngx::view(value);
    if (origin.find('*') != origin.npos || (origin.ends_with('/') && !origin.ends_with("://"))) {
        return refuse(cf, text);  // it never matches, whatever the variables say
    }
    return add_value(cf, rules, Kind::variable, value, subdomains);
}

// Pages have no such origin, though their sockets have such an address. Few clients send one, and
// for those a variable is written.
bool is_address_of_socket(const ngx_str_t &text) noexcept {
    const auto begins = [&](std::string_view scheme) {
        return text.len >= scheme.size() &&
               ws::equals_ignoring_case(ngx::view({scheme.size(), text.data}), scheme);
    };
    return begins("ws://") || begins("wss://");
}

bool add_pattern(ngx_conf_t *cf, ngx_array_t *rules, const ngx_str_t &text) noexcept {
    if (is_address_of_socket(text)) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%V\" in \"ws_origin\" matches no page: the origin of a page begins "
                           "with https:// or http://",
                           &text);
    }
    ws::OriginPattern pattern;
    if (!pattern.parse(ngx::view(text))) {
        return refuse(cf, text);
    }
    OriginRule *rule = push(rules, Kind::pattern);
    if (rule != nullptr) {
        rule->pattern = pattern;
    }
    return rule != nullptr;
}

bool add(ngx_conf_t *cf, ngx_array_t *rules, ngx_str_t &text) noexcept {
    for (const Word &word : words) {
        if (word.name == ngx::view(text)) {
            return push(rules, word.kind) != nullptr;
        }
    }
    if (text.len > 1 && text.data[0] == '~') {
        return add_regex(cf, rules, {text.len - 1, text.data + 1});
    }
    if (text.len > 1 && text.data[0] == '=') {
        return add_value(cf, rules, Kind::exact, {text.len - 1, text.data + 1}, false);
    }
    if (ngx_http_script_variables_count(&text) != 0) {
        return add_variable(cf, rules, text);
    }
    return add_pattern(cf, rules, text);
}

// The arguments as they stand in the file, one blank between two.
ngx_str_t join(ngx_conf_t *cf) noexcept {
    const auto values = ngx::elements<ngx_str_t>(cf->args).subspan(1);
    size_t size = 0;
    for (const ngx_str_t &value : values) {
        size += value.len + 1;
    }
    ngx_str_t text = {};
    text.data = static_cast<u_char *>(ngx_pnalloc(cf->pool, size));
    if (text.data == nullptr) {
        return text;
    }
    u_char *end = text.data;
    for (const ngx_str_t &value : values) {
        end = ngx_sprintf(end, end == text.data ? "%V" : " %V", &value);
    }
    text.len = static_cast<size_t>(end - text.data);
    return text;
}

// "any" and "none" leave nothing to say beside them.
const ngx_str_t *lonely(ngx_array_t *args) noexcept {
    for (const ngx_str_t &text : ngx::elements<ngx_str_t>(args).subspan(1)) {
        const std::string_view word = ngx::view(text);
        if (args->nelts > 2 && (word == "any" || word == "none")) {
            return &text;
        }
    }
    return nullptr;
}

}  // namespace

bool merge_origin_rules(ngx_conf_t *cf, LocConf &conf, const LocConf &prev) noexcept {
    if (conf.origin.rules != nullptr) {
        return true;
    }
    conf.origin.rules = prev.origin.rules;
    conf.origin.text = prev.origin.text;
    if (conf.origin.rules != nullptr) {
        return true;
    }
    conf.origin.rules = ngx_array_create(cf->pool, 2, sizeof(OriginRule));
    ngx_str_set(&conf.origin.text, default_origins);
    return conf.origin.rules != nullptr && push(conf.origin.rules, Kind::same) != nullptr &&
           push(conf.origin.rules, Kind::missing) != nullptr;
}

extern "C" char *ngx_http_ws_set_origin(ngx_conf_t *cf, ngx_command_t *, void *data) {
    auto *conf = static_cast<LocConf *>(data);
    if (conf->origin.rules != nullptr) {
        return const_cast<char *>("is duplicate");
    }
    if (const ngx_str_t *word = lonely(cf->args); word != nullptr) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"ws_origin\" cannot stand beside other values", word);
        return static_cast<char *>(NGX_CONF_ERROR);
    }
    conf->origin.rules = ngx_array_create(cf->pool, 4, sizeof(OriginRule));
    if (conf->origin.rules == nullptr) {
        return static_cast<char *>(NGX_CONF_ERROR);
    }
    conf->origin.guards = 1;
    conf->origin.text = join(cf);
    if (conf->origin.text.data == nullptr) {
        return static_cast<char *>(NGX_CONF_ERROR);
    }
    for (ngx_str_t &text : ngx::elements<ngx_str_t>(cf->args).subspan(1)) {
        if (!add(cf, conf->origin.rules, text)) {
            return static_cast<char *>(NGX_CONF_ERROR);
        }
    }
    return NGX_CONF_OK;
}

}  // namespace ngx_ws

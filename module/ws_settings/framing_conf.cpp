#include "module/ws_settings/framing_conf.hpp"

namespace ngx_ws {

namespace {

using ws::FramingKind;
using ws::FramingSettings;

constexpr uint64_t default_max = 64 * 1024;  // of a line, or before a delimiter
constexpr size_t default_held = 1024 * 1024;

// One word of each group may be given.
enum class Group : unsigned { line_end, splitting, length_size, byte_order, counting, limit };

struct Word {
    std::string_view text;
    FramingKind kind;
    Group group;
    void (*apply)(FramingSettings &settings);
};

constexpr Word words[] = {
    {"lf", FramingKind::line, Group::line_end, [](FramingSettings &s) { s.crlf = false; }},
    {"crlf", FramingKind::line, Group::line_end, [](FramingSettings &s) { s.crlf = true; }},
    {"split", FramingKind::line, Group::splitting, [](FramingSettings &s) { s.split = true; }},
    {"u8", FramingKind::length, Group::length_size, [](FramingSettings &s) { s.length_size = 1; }},
    {"u16", FramingKind::length, Group::length_size, [](FramingSettings &s) { s.length_size = 2; }},
    {"u32", FramingKind::length, Group::length_size, [](FramingSettings &s) { s.length_size = 4; }},
    {"be", FramingKind::length, Group::byte_order,
     [](FramingSettings &s) { s.little_endian = false; }},
    {"le", FramingKind::length, Group::byte_order,
     [](FramingSettings &s) { s.little_endian = true; }},
    {"varint", FramingKind::length, Group::length_size,
     [](FramingSettings &s) { s.varint = true; }},
    {"self", FramingKind::length, Group::counting,
     [](FramingSettings &s) { s.counts_itself = true; }},
};

struct Kind {
    std::string_view name;
    const char *expected;
};

// In the order of FramingKind.
constexpr Kind kinds[] = {
    {"stream", "no parameter"},
    {"line", "\"lf\", \"crlf\", \"split\" or \"max=SIZE\""},
    {"delimiter", "\"max=SIZE\""},
    {"length", "\"u8\", \"u16\", \"u32\", \"varint\", \"be\", \"le\", \"self\" or \"max=SIZE\""},
    {"typed", "\"max=SIZE\""},
};

class Parser {
public:
    explicit Parser(ngx_conf_t *cf) noexcept : cf_(cf) {}

    [[nodiscard]] bool parse(FramingSettings &settings) noexcept {
        const auto values = ngx::elements<ngx_str_t>(cf_->args).subspan(1);
        if (!parse_kind(values[0], settings)) {
            return false;
        }
        const bool delimited = settings.kind == FramingKind::delimiter;
        if (delimited && !parse_delimiter(values.subspan(1), settings)) {
            return false;
        }
        for (ngx_str_t &value : values.subspan(delimited ? 2 : 1)) {
            if (!parse_parameter(value, settings)) {
                return false;
            }
        }
        return finish(settings);
    }

private:
    [[nodiscard]] bool parse_kind(ngx_str_t &value, FramingSettings &settings) noexcept {
        for (const Kind &kind : kinds) {
            if (kind.name == ngx::view(value)) {
                settings = {.kind = static_cast<FramingKind>(&kind - kinds)};
                return true;
            }
        }
        ngx_conf_log_error(NGX_LOG_EMERG, cf_, 0,
                           "invalid value \"%V\" in \"ws_framing\": expected \"stream\", "
                           "\"line\", \"delimiter\", \"length\" or \"typed\"",
                           &value);
        return false;
    }

    [[nodiscard]] bool parse_delimiter(std::span<ngx_str_t> values,
                                       FramingSettings &settings) noexcept {
        const ngx_str_t text = values.empty() ? ngx_str_t{} : values[0];
        if (!ngx::view(text).starts_with("max=") && settings.delimiter.parse(ngx::view(text))) {
            return true;
        }
        ngx_conf_log_error(NGX_LOG_EMERG, cf_, 0,
                           "invalid delimiter \"%V\" in \"ws_framing\": expected 1 to %uz bytes, "
                           "such as \"\\0\", \"\\x03\" or \"\\x1c\\r\"",
                           &text, ws::Delimiter::max_size);
        return false;
    }

    [[nodiscard]] bool parse_parameter(ngx_str_t &value, FramingSettings &settings) noexcept {
        constexpr std::string_view max = "max=";
        if (ngx::view(value).starts_with(max) && settings.kind != FramingKind::stream) {
            return is_first(Group::limit, value) && parse_max(value, max.size(), settings);
        }
        for (const Word &word : words) {
            if (word.kind == settings.kind && word.text == ngx::view(value)) {
                word.apply(settings);
                return is_first(word.group, value);
            }
        }
        ngx_conf_log_error(NGX_LOG_EMERG, cf_, 0,
                           "invalid parameter \"%V\" in \"ws_framing\": expected %s "
                           "after \"%s\"",
                           &value, kinds[static_cast<unsigned>(settings.kind)].expected,
                           kinds[static_cast<unsigned>(settings.kind)].name.data());
        return false;
    }

    [[nodiscard]] bool parse_max(ngx_str_t &value, size_t name,
                                 FramingSettings &settings) noexcept {
        ngx_str_t number = {value.len - name, value.data + name};
        const ssize_t size = ngx_parse_size(&number);
        if (size == NGX_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf_, 0,
                               "invalid parameter \"%V\" in \"ws_framing\": expected a "
                               "size such as max=65536, max=64k or max=1m",
                               &value);
            return false;
        }
        settings.max = static_cast<uint64_t>(size);
        return true;
    }

    [[nodiscard]] bool is_first(Group group, ngx_str_t &value) noexcept {
        const unsigned bit = 1U << static_cast<unsigned>(group);
        const bool first = (given_ & bit) == 0;
        given_ |= bit;
        if (!first) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf_, 0,
                               "parameter \"%V\" in \"ws_framing\" repeats or contradicts an "
                               "earlier parameter",
                               &value);
        }
        return first;
    }

    [[nodiscard]] bool was_given(Group group) const noexcept {
        return (given_ & 1U << static_cast<unsigned>(group)) != 0;
    }

    // What a parameter left open, or cannot be.
    [[nodiscard]] bool finish(FramingSettings &settings) noexcept {
        const bool held_nowhere =
            settings.kind == FramingKind::line || settings.kind == FramingKind::delimiter;
        if (held_nowhere && !was_given(Group::limit)) {
            settings.max = default_max;
        }
        if (settings.kind == FramingKind::length && !was_given(Group::length_size)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf_, 0,
                               "\"ws_framing length\" needs the size of a length: "
                               "expected \"u8\", \"u16\", \"u32\" or \"varint\"");
            return false;
        }
        if (settings.varint && (was_given(Group::byte_order) || was_given(Group::counting))) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf_, 0,
                               "\"varint\" in \"ws_framing\" cannot stand beside \"be\", \"le\" or "
                               "\"self\": expected \"u8\", \"u16\" or \"u32\" beside these");
            return false;
        }
        if (settings.has_records() && settings.max > settings.max_record()) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf_, 0,
                               "\"max=%uL\" in \"ws_framing\" is more than a length of %d bits "
                               "can say",
                               settings.max, 8 * settings.length_size);
            return false;
        }
        return true;
    }

    ngx_conf_t *cf_;
    unsigned given_ = 0;  // a bit for each group
};

}  // namespace

void FramingConf::merge(const FramingConf &prev) noexcept {
    if (!is_set) {
        *this = prev;
    }
}

size_t FramingConf::max_message_size(size_t configured) const noexcept {
    if (configured != NGX_CONF_UNSET_SIZE) {
        return configured;
    }
    return settings.has_records() ? default_held : 0;
}

bool FramingConf::check(ngx_conf_t *cf, const Lines &lines,
                        size_t max_message_size) const noexcept {
    if (!settings.has_records() || settings.length_size < 4 || settings.max != 0 ||
        max_message_size != 0) {
        return true;
    }
    log_at(cf, *lines.find("ws_max_message_size"), NGX_LOG_EMERG,
           "\"ws_max_message_size 0\" sets no limit, but \"ws_framing\" with a length of 32 bits "
           "needs one, here or as its \"max=SIZE\"");
    return false;
}

extern "C" {

char *ngx_http_ws_set_framing(ngx_conf_t *cf, ngx_command_t *cmd, void *conf) {
    auto &framing = *reinterpret_cast<FramingConf *>(static_cast<char *>(conf) + cmd->offset);
    if (framing.is_set) {
        return const_cast<char *>("is duplicate");
    }
    framing.is_set = 1;
    return Parser(cf).parse(framing.settings) ? NGX_CONF_OK : static_cast<char *>(NGX_CONF_ERROR);
}

}  // extern "C"

}  // namespace ngx_ws

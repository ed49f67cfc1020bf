// The query of a reconnect beside a plain reading of it, and the text of a SID, which each SID has
// one of.
#include "t/fuzz/fuzz.hpp"

#include <optional>
#include <vector>

#include "ngx_ws_filter/ws_resume/resume_request.hpp"
#include "ngx_ws_filter/ws_resume/sid.hpp"

using fuzz::Input;
using fuzz::require;

namespace {

[[nodiscard]] std::vector<std::string> values_of(std::string_view name, std::string query) {
    std::vector<std::string> values;
    query += '&';
    for (std::size_t begin = 0; begin < query.size();) {
        const std::size_t end = query.find('&', begin);
        const std::string pair = query.substr(begin, end - begin);
        if (pair == name) {
            values.emplace_back();
        } else if (pair.starts_with(std::string(name) + "=")) {
            values.push_back(pair.substr(name.size() + 1));
        }
        begin = end + 1;
    }
    return values;
}

[[nodiscard]] std::optional<std::string> decode(const std::string &value) {
    std::string decoded;
    for (std::size_t i = 0; i < value.size(); ++i) {
        if (value[i] != '%') {
            decoded += value[i];
            continue;
        }
        const std::string digits = value.substr(i + 1, 2);
        if (digits.size() != 2 ||
            digits.find_first_not_of("0123456789abcdefABCDEF") != digits.npos) {
            return std::nullopt;
        }
        decoded += static_cast<char>(std::stoi(digits, nullptr, 16));
        i += 2;
    }
    return decoded;
}

[[nodiscard]] std::string plain_sid(const std::vector<std::string> &sids,
                                    const std::vector<std::string> &acks) {
    if (sids.size() != 1 || acks.size() > 1) {
        return {};
    }
    const std::string sid = decode(sids[0]).value_or("");
    const bool good = sid.size() <= 256 &&
                      std::ranges::all_of(sid, [](char c) { return c >= 0x21 && c <= 0x7e; });
    return good ? sid : std::string{};
}

[[nodiscard]] std::optional<std::uint64_t> plain_ack(const std::vector<std::string> &acks) {
    const std::string ack = acks.empty() ? "" : decode(acks.back()).value_or("");
    if (ack.empty() || ack.find_first_not_of("0123456789") != ack.npos) {
        return std::nullopt;
    }
    const std::size_t zeros = std::min(ack.find_first_not_of('0'), ack.size());
    const std::string digits = ack.substr(zeros);
    const std::string most = "9223372036854775807";
    if (digits.size() > most.size() || (digits.size() == most.size() && digits > most)) {
        return std::nullopt;
    }
    return digits.empty() ? 0 : std::stoull(digits);
}

void check_sid(std::string_view text) {
    ws::Sid sid{};
    if (ws::read_sid(text, sid)) {
        require(ws::SidText(sid).view() == text);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const fuzz::Block content(fuzz::Bytes{data, size});
    const std::string_view query = fuzz::text(content.span());
    ws::SidRoom room;
    const ws::ResumeRequest request = ws::read_resume_request(query, room);

    const auto sids = values_of("sid", std::string(query));
    const auto acks = values_of("ack", std::string(query));
    require(request.resumes == !sids.empty());
    require(request.sid == plain_sid(sids, acks));
    require(request.has_ack == plain_ack(acks).has_value());
    require(!request.has_ack || request.ack == plain_ack(acks));
    check_sid(request.sid);
    check_sid(query);
    return 0;
}

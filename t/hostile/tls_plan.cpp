#include "t/hostile/tls_plan.hpp"

namespace hostile {

namespace {

constexpr std::size_t header_size = 5;

void set_length(std::string &record, std::size_t length) {
    record[3] = static_cast<char>(length >> 8);
    record[4] = static_cast<char>(length);
}

}  // namespace

TlsPlan make_tls_plan(sim::Random &random, bool valid) {
    TlsPlan plan;
    plan.seed = random.below(UINT64_MAX);
    plan.version_1_2 = random.one_in(3);
    plan.resumes = !random.one_in(4);
    plan.renews_keys = random.one_in(8);
    plan.says_goodbye = !random.one_in(3);
    if (!valid && random.one_in(2)) {
        const auto kinds = static_cast<std::size_t>(TlsPlan::Kind::count);
        plan.kind = static_cast<TlsPlan::Kind>(1 + random.below(kinds - 1));
        plan.record = random.below(10);
    } else if (!valid) {
        plan.early_goodbye = random.one_in(6);
    }
    return plan;
}

void RecordBreaker::take(std::string_view records, std::string &out) {
    while (records.size() >= header_size && !cut_) {
        const auto *bytes = reinterpret_cast<const std::uint8_t *>(records.data());
        const std::size_t length = std::size_t{bytes[3]} << 8 | bytes[4];
        const std::size_t size = std::min(records.size(), header_size + length);
        if (plan_.kind != TlsPlan::Kind::none && seen_++ == plan_.record) {
            spoil(std::string(records.substr(0, size)), out);
        } else {
            out += records.substr(0, size);
        }
        records.remove_prefix(size);
    }
}

std::string RecordBreaker::unencrypted_record() {
    static constexpr std::uint8_t types[] = {20, 21, 22, 23, 24, 0, 255};
    std::string record(header_size + random_.size(300), '\0');
    for (char &byte : record) {
        byte = static_cast<char>(random_.below(256));
    }
    record[0] = static_cast<char>(random_.one_of(types));
    record[1] = 3;
    record[2] = static_cast<char>(random_.below(5));
    set_length(record, record.size() - header_size);
    return record;
}

void RecordBreaker::spoil(std::string record, std::string &out) {
    const std::size_t place = random_.below(record.size());
    switch (plan_.kind) {
        case TlsPlan::Kind::flip:
            record[place] = static_cast<char>(record[place] ^ 1 << random_.below(8));
            break;
        case TlsPlan::Kind::drop:
            return;
        case TlsPlan::Kind::twice:
            out += record;
            break;
        case TlsPlan::Kind::truncate:
            record.resize(place);
            break;
        case TlsPlan::Kind::insert:
            for (std::size_t left = random_.size(2000); left > 0; --left) {
                out += static_cast<char>(random_.below(256));
            }
            break;
        case TlsPlan::Kind::insert_record:
            out += unencrypted_record();
            break;
        case TlsPlan::Kind::longer:
            set_length(record, 16384 + random_.below(49152));
            break;
        case TlsPlan::Kind::shorter:
            set_length(record, random_.below(record.size() - header_size + 1));
            break;
        case TlsPlan::Kind::cut:
            record.resize(place);
            cut_ = true;
            break;
        case TlsPlan::Kind::none:
        case TlsPlan::Kind::count:
            break;
    }
    out += record;
}

}  // namespace hostile

// The worker's sessions that can be resumed, by their numbers.
#pragma once

#include "module/ngx.hpp"

namespace ngx_ws {

class Resumable;

// What a session is found by. Numbers are unique among the workers.
struct Listed {
    ngx_rbtree_node_t node;  // the first member

    [[nodiscard]] uint64_t number() const noexcept { return node.key; }
};

class Sessions {
public:
    // Its number is its key, and must be new.
    void add(Listed &session) noexcept;
    void remove(Listed &session) noexcept;

    [[nodiscard]] size_t count() const noexcept { return count_; }
    // Null if there is none.
    [[nodiscard]] Listed *find(uint64_t number) noexcept;

private:
    [[nodiscard]] ngx_rbtree_t &tree() noexcept;

    ngx_rbtree_t tree_ = {};
    ngx_rbtree_node_t nothing_ = {};
    size_t count_ = 0;
};

[[nodiscard]] Sessions &sessions() noexcept;

}  // namespace ngx_ws

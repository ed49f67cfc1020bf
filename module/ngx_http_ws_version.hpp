// The version of the module: the only place where it is written. CHANGES begins with the same.
#pragma once

namespace ngx_ws {

inline constexpr char version[] = "0.1.0";

}  // namespace ngx_ws

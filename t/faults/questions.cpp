// A kernel that does not say what is acknowledged. For LD_PRELOAD.

#include <cerrno>
#include <cstdarg>

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

extern "C" int ioctl(int file, unsigned long request, ...) noexcept {
    std::va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if (request == SIOCOUTQ) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return static_cast<int>(syscall(SYS_ioctl, file, request, argument));
}

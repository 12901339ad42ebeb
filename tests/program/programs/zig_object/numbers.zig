const Failure = error{Empty};

fn gcd(comptime T: type, a: T, b: T) T {
    return if (b == 0) a else gcd(T, b, a % b);
}

fn sort(values: []i32) Failure!i32 {
    if (values.len == 0) return Failure.Empty;
    var swaps: i32 = 0;
    for (1..values.len) |i| {
        var j = i;
        while (j > 0 and values[j - 1] > values[j]) : (j -= 1) {
            const kept = values[j];
            values[j] = values[j - 1];
            values[j - 1] = kept;
            swaps += 1;
        }
    }
    return swaps;
}

export fn zig_gcd(a: u64, b: u64) u64 {
    return gcd(u64, a, b);
}

export fn zig_sort(values: [*]i32, count: usize) c_int {
    return sort(values[0..count]) catch -1;
}

threadlocal var counter: i32 = 40;

export fn zig_counter() i32 {
    counter += 1;
    return counter;
}

fn main() {
    println!("hl {}", env!("CARGO_PKG_VERSION"));
}

//! A node on which whoever logs in finds busybox alone: no bash, no GNU programs, no libraries.

/// Lines of `sshd_config` that lead there.
pub const SSHD: &str = "ChrootDirectory /mnt";

/// Makes the folder to which they lead. Debian's busybox has no `flock`, which those of a NAS or of Alpine have; it comes
/// from the machine, with the libraries that it needs.
pub const PREPARE: &str = r#"
mount -t tmpfs -o mode=755 tmpfs /mnt
cd /mnt
mkdir -p bin etc root tmp proc dev run opt/homelab var
chmod 1777 tmp
cp /bin/busybox bin/busybox
for applet in $(bin/busybox --list); do
    case $applet in busybox|flock) ;; *) ln -s busybox "bin/$applet" ;; esac
done
flock=$(command -v flock)
cp "$flock" bin/flock
for library in $(ldd "$flock" | grep -o '/[^ ]*'); do
    mkdir -p ".$(dirname "$library")"
    cp -L "$library" ".$library"
done
ln -s ../run var/run
sed 's#^root:.*#root:x:0:0:root:/root:/bin/sh#' /etc/passwd >etc/passwd
echo 'root:x:0:' >etc/group
mount --bind etc/passwd /etc/passwd
mount --rbind /proc proc
mount --rbind /dev dev
touch run/docker.sock
mount --bind "$(readlink -f /run/docker.sock)" run/docker.sock
mount --bind /opt/homelab opt/homelab
"#;

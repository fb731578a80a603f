package undulator.nativelib;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PlatformTest {
    @ParameterizedTest
    @CsvSource({
        "Linux, amd64, linux_64",
        "Linux, aarch64, linux_arm64",
        "Mac OS X, x86_64, osx_64",
        "Mac OS X, aarch64, osx_arm64",
        "Windows 11, amd64, windows_64",
        "Windows 10, x86, windows_32"})
    void followsTheLayoutOfTheScijavaLoader(String system, String architecture, String name) {
        assertEquals(name, Platform.name(system, architecture));
    }
}

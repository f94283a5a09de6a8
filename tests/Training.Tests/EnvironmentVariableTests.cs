namespace Granary.Training.Tests;

public class EnvironmentVariableTests
{
    private const string Name = "GRANARY_TEST_OF_VARIABLES";

    [Theory]
    [InlineData(null, null)]
    [InlineData("", null)]
    [InlineData("  ", null)]
    [InlineData("/data", "/data")]
    public void Variable_WithoutAValue_IsNotSet(string? value, string? read)
    {
        Environment.SetEnvironmentVariable(Name, value);
        Assert.Equal(read, EnvironmentVariable.Read(Name));
    }
}

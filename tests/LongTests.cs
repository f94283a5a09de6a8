namespace Granary;

/// <summary>Tests that take long, of what shorter ones look at, too, in fewer kinds or for less time: <c>./test --long</c> passes them as well.</summary>
internal static class LongTests
{
    private const string Variable = "GRANARY_LONG_TESTS";

    public static string? Skip => Environment.GetEnvironmentVariable(Variable) is null or "" ? "It takes long: ./test --long passes it, too." : null;
}

/// <inheritdoc cref="LongTests"/>
internal sealed class LongFactAttribute : FactAttribute
{
    public LongFactAttribute() => Skip = LongTests.Skip;
}

/// <inheritdoc cref="LongTests"/>
internal sealed class LongTheoryAttribute : TheoryAttribute
{
    public LongTheoryAttribute() => Skip = LongTests.Skip;
}

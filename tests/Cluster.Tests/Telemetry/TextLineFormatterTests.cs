using Granary.Silo.Telemetry;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Granary.Cluster.Tests.Telemetry;

public sealed class TextLineFormatterTests
{
    [Theory]
    [InlineData(LogLevel.Warning, false, false)]
    [InlineData(LogLevel.Warning, true, true)]
    [InlineData(LogLevel.Error, false, true)]
    public void Event_WithAnException_IsALine_AndTellsTheTraceOfWhatNeedsAHuman(LogLevel level, bool verbose, bool withTrace)
    {
        using var written = new StringWriter();
        new TextLineFormatter(verbose, TimeProvider.System).Write(new LogEntry<string>(level, "A.B", new EventId(7), "Cannot read.", Thrown(), (state, _) => state), null, written);

        var line = written.ToString();
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (warn|fail): A\.B\[7\] Cannot read\. ", line);
        Assert.Equal(line.Length - 1, line.IndexOf('\n', StringComparison.Ordinal));
        Assert.Contains("TimeoutException: The message timed out", line, StringComparison.Ordinal);
        Assert.Equal(withTrace, line.Contains(nameof(Thrown), StringComparison.Ordinal));
        Assert.Equal(withTrace, line.Contains("last counter", StringComparison.Ordinal));
    }

    private static TimeoutException Thrown()
    {
        try
        {
            throw new TimeoutException($"The message timed out,\nqs: {new string('0', 300)}, last counter");
        }
        catch (TimeoutException thrown)
        {
            return thrown;
        }
    }
}

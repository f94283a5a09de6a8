using Granary.Silo;
using Granary.Silo.Settings;
using Microsoft.Extensions.Logging;

namespace Granary.Cluster.Tests;

public sealed class SiloLoggingTests
{
    [Theory]
    [InlineData(LogLevel.Warning, false)]
    [InlineData(LogLevel.Error, true)]
    public void Membership_BeforeTheSiloHasStarted_TellsErrorsOnly(LogLevel level, bool told)
    {
        var hasStarted = false;
        using var factory = LoggerFactory.Create(logging => logging.AddSiloLog(LogFormat.Text, "node", verbose: false, () => hasStarted));
        var log = factory.CreateLogger("Orleans.Runtime.MembershipService.MembershipTableManager");
        Assert.Equal(told, log.IsEnabled(level));
        hasStarted = true;
        Assert.True(log.IsEnabled(level));
    }
}

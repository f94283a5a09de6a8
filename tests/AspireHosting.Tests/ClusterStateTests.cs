namespace Granary.AspireHosting.Tests;

public class ClusterStateTests
{
    [Theory]
    [InlineData("Starting", 0, "NotStarted", "Waiting")]
    [InlineData("Starting", 0, "Running", "Running")] // their health is not known yet
    [InlineData("Running", 1, "Running", "Starting")]
    [InlineData("Running", 1, "Running", "Finished")]
    [InlineData("Starting", 0, "Exited", "Starting")]
    [InlineData("Exited", 0, "Finished", "FailedToStart")]
    public void Cluster_RunsAsLongAsASiloServes(string state, int serving, params string[] silos) => Assert.Equal(state, ClusterState.Of(serving, silos));
}

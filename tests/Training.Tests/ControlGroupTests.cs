using Granary.Training.Tasks;

namespace Granary.Training.Tests;

public sealed class ControlGroupTests : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("granary-groups-").FullName;

    [Fact]
    public void Limit_OfGroupsWithinGroups_IsTheLowest()
    {
        Write("machine.slice/memory.max", "4000000000\n");
        Write("machine.slice/run.scope/memory.max", "max\n");
        Assert.Equal(4_000_000_000, Group("0::/machine.slice/run.scope").Limit);
        Write("machine.slice/run.scope/memory.max", "1000000000\n");
        Assert.Equal(1_000_000_000, Group("0::/machine.slice/run.scope").Limit);
    }

    [Fact]
    public void Limit_OfVersion1_IsThatOfTheMemoryController()
    {
        Write("memory/job/memory.limit_in_bytes", "2000000000\n");
        Write("memory/memory.limit_in_bytes", "9223372036854771712\n");
        Write("cpu/job/memory.limit_in_bytes", "1\n");
        Assert.Equal(2_000_000_000, Group("4:memory:/job", "1:cpu:/job", "0::/").Limit);
    }

    [Fact]
    public void Limit_InAContainer_WhichSeesItsOwnGroupAsTheRoot_IsFound()
    {
        Write("memory.max", "512000000\n");
        Assert.Equal(512_000_000, Group("0::/kubepods.slice/pod1").Limit);
    }

    [Fact]
    public void Used_IsWithoutFilesThatTheKernelWouldGiveUp_AndOfTheGroupWithTheLowestLimit()
    {
        Write("a/memory.max", "1000\n");
        Write("a/memory.current", "900\n");
        Write("a/memory.stat", "anon 500\ninactive_file 300\nactive_file 100\n");
        Write("a/b/memory.max", "max\n");
        Write("a/b/memory.current", "1\n");
        Assert.Equal(600, Group("0::/a/b").Used);
        Write("memory/c/memory.limit_in_bytes", "1000\n");
        Write("memory/c/memory.usage_in_bytes", "800\n");
        Write("memory/c/memory.stat", "inactive_file 1\ntotal_inactive_file 200\n");
        Assert.Equal(600, Group("4:memory:/c").Used);
    }

    [Theory]
    [InlineData("0::/")]
    [InlineData("no line of the kernel's")]
    [InlineData("")]
    public void Limit_WhereThereIsNone_IsUnknown(string membership)
    {
        Write("memory/memory.limit_in_bytes", "9223372036854771712\n");
        Assert.Null(Group(membership, "4:memory:/").Limit);
        Assert.Null(Group(membership).Ended);
    }

    [Fact]
    public void Ended_OfBothVersions_IsTheKernelsCount()
    {
        Write("a/memory.events", "low 0\noom 7\noom_kill 3\noom_group_kill 1\n");
        Assert.Equal(3, Group("0::/a").Ended);
        Write("memory/b/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n");
        Assert.Equal(5, Group("4:memory:/b", "0::/").Ended);
    }

    public void Dispose() => Directory.Delete(root, recursive: true);

    private void Write(string file, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(root, file))!);
        File.WriteAllText(Path.Combine(root, file), text);
    }

    private ControlGroup Group(params string[] membership)
    {
        var file = Path.Combine(root, "membership");
        File.WriteAllLines(file, membership);
        return new(root, file);
    }
}

using Granary.Testing;
using Xunit;

namespace My_Task1.Tests;

public class SpiralsTests
{
    /// <summary>It learns, leaves no tensors behind, follows from its seed, resumes, and has the same bits on any number of workers.</summary>
    [Fact]
    public void Spirals_KeepTheirPromises() => TaskPromises.Check<Spirals>(spec => spec with { Settings = new Dictionary<string, string> { ["batch"] = "33" } });
}

using System.Collections.Frozen;
using System.Reflection;
using Granary.Training.Wording;

namespace Granary.Training.Tasks;

/// <summary>No task has the name asked for. The message lists those there are.</summary>
public sealed class UnknownTaskException(string message) : Exception(message);

/// <summary>The tasks of some assemblies, by name: every public class that is an <see cref="ITrainingTask"/> or carries a <see cref="TaskFactoryAttribute"/>.</summary>
public sealed class TaskCatalog
{
    private readonly FrozenDictionary<string, ITrainingTask> tasks;

    public TaskCatalog(IEnumerable<ITrainingTask> tasks) => this.tasks = tasks.ToFrozenDictionary(task => task.Name);

    public IEnumerable<ITrainingTask> Tasks => tasks.Values.OrderBy(task => task.Name, StringComparer.Ordinal);

    /// <exception cref="UnknownTaskException"/>
    public ITrainingTask this[string name] => tasks.TryGetValue(name, out var task)
        ? task
        : throw new UnknownTaskException($"No training task is named '{Shown.Value(name)}'. Known: {string.Join(", ", Tasks.Select(known => known.Name))}.");

    public static TaskCatalog Of(params Assembly[] assemblies) => new(
        from assembly in assemblies
        from type in assembly.GetExportedTypes()
        where type is { IsClass: true, IsAbstract: false }
        let task = TaskOf(type)
        where task is not null
        select task);

    private static ITrainingTask? TaskOf(Type type) => type.GetCustomAttribute<TaskFactoryAttribute>() is { } factory
        ? factory.Create(type)
        : type.IsAssignableTo(typeof(ITrainingTask)) && type.GetConstructor([]) is not null ? (ITrainingTask)Activator.CreateInstance(type)! : null;
}
